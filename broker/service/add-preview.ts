// A worker brings a small picture of a file that one of its tries made. That may be long after the frame was done: a
// preview changes no state, so the lease need not be open any more, only have been this worker's.
import { createHash } from "node:crypto";
import { maxPreviewBytes } from "../contract/blob.ts";
import { Problem } from "../contract/problem.ts";
import { filesWithoutPreview, insertPreview, setJobPicture } from "../store/artifacts.ts";
import { insertBlob } from "../store/blobs.ts";
import { addEvent } from "../store/events.ts";
import { putBlob, type LeaseHeaders } from "./blobs.ts";
import { isLeaseToken, type Broker } from "./broker.ts";
import { idOf, numberOf, requireNumber } from "./ids.ts";
import { lost } from "./report-lease.ts";
import type { Identity } from "./tokens.ts";

interface Made {
  leaseId: number;
  tokenId: number;
  jobId: number;
  step: string;
  ordinal: number;
  /** Of the file that is shown. */
  name: string;
}

/**
 * Keeps a preview of the file with this hash that a try made; one that has a preview already keeps that.
 * Throws `lease-lost` when the try was not this worker's, `not-found` for a file it did not make, `too-large`, and
 * `invalid` for what is neither JPEG nor WebP.
 */
export async function addPreview(
  broker: Broker,
  who: Identity,
  headers: LeaseHeaders,
  attempt: string,
  sha256: string,
  stream: AsyncIterable<Uint8Array>,
): Promise<void> {
  const attemptId = requireNumber("attempt", attempt);
  const made = broker.rows.get<Made>(
    `SELECT a.lease_id AS leaseId, w.token_id AS tokenId, s.job_id AS jobId, s.name AS step, a.ordinal, f.name
     FROM artifacts f JOIN attempts a ON a.id = f.attempt_id JOIN steps s ON s.id = a.step_id
       JOIN leases l ON l.id = a.lease_id JOIN workers w ON w.id = l.worker_id
     WHERE f.attempt_id = ? AND f.sha256 = ? AND f.preview_of IS NULL`,
    attemptId,
    sha256,
  );
  if (!made) throw new Problem("not-found", `The try ${attempt} has no result file with this hash.`);
  const { leaseId, tokenId, jobId, step, ordinal, name } = made;
  const isOwn =
    tokenId === who.tokenId &&
    numberOf("lease", headers["tally-lease"] ?? "") === leaseId &&
    isLeaseToken(broker, leaseId, headers["tally-lease-token"] ?? "");
  if (!isOwn) throw lost();
  const data = await readPicture(stream);
  const preview = { sha256: createHash("sha256").update(data).digest("hex"), bytes: data.length };
  // Held until the row says whose it is: a job that gives up the same bytes meanwhile must not take them along.
  await broker.guard.adding([preview.sha256], async () => {
    await putBlob(broker, preview.sha256, data.length, onePart(data));
    await broker.writer.write((tx) => {
      const files = filesWithoutPreview(tx, attemptId, sha256);
      if (files.length === 0) return;
      // Whether somebody looked at what is stored was noted with it.
      const blobId = insertBlob(tx, preview, false);
      const ids = files.map(({ id }) => insertPreview(tx, id, { ...preview, blobId }));
      for (const { id } of files) setJobPicture(tx, jobId, id, preview.sha256);
      addEvent(tx, {
        kind: "artifact.previewed",
        jobId,
        step,
        first: ordinal,
        data: { name, attempt, artifacts: ids.map((id) => idOf("artifact", id)), ...preview },
      });
    });
  });
}

async function readPicture(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const part of stream) {
    length += part.length;
    if (length > maxPreviewBytes)
      throw new Problem("too-large", `A preview has at most ${maxPreviewBytes / 1024} KiB.`);
    parts.push(part);
  }
  const data = Buffer.concat(parts);
  const isJpeg = data.length > 3 && data.readUIntBE(0, 3) === 0xffd8ff;
  const isWebp = data.toString("latin1", 0, 4) === "RIFF" && data.toString("latin1", 8, 12) === "WEBP";
  if (!isJpeg && !isWebp) throw new Problem("invalid", "A preview is a JPEG or a WebP picture.");
  return data;
}

async function* onePart(data: Buffer): AsyncGenerator<Uint8Array> {
  yield data;
}
