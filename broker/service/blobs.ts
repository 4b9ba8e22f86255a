// Bytes come and go by their hash: which are missing, many small ones together, what was sent past the broker, and what
// somebody doubts.
import { createHash } from "node:crypto";
import type { Readable } from "node:stream";
import { maxPackedBytes, maxSingleBytes, packBytes, type BlobRef } from "../contract/blob.ts";
import { PackError, packEnd, packHead, packStart, readPack } from "../contract/pack.ts";
import { Problem } from "../contract/problem.ts";
import {
  blobsOfJob,
  dropBlob,
  findBlob,
  findBlobs,
  insertBlob,
  markVerified,
  missingPlaces,
  staleOf,
  touchBlobs,
} from "../store/blobs.ts";
import { wentThrough } from "../small-heap.ts";
import { getLease } from "../store/leases.ts";
import { isLeaseToken, type Broker } from "./broker.ts";
import { numberOf } from "./ids.ts";
import { lost } from "./report-lease.ts";
import { sliceRows } from "./settle.ts";
import type { Identity } from "./tokens.ts";

/** Looks at the store at the same time: enough to hide one answer behind another. */
const parallel = 16;

/** The one job whose files a worker may fetch; null: people may fetch all. */
export type Reach = number | null;

export interface LeaseHeaders {
  "tally-lease"?: string | undefined;
  "tally-lease-token"?: string | undefined;
}

/** Whose files may be touched with this request. Throws `lease-lost` for a worker without an open lease of its own. */
export function reachOf(broker: Broker, who: Identity, headers: LeaseHeaders): Reach {
  if (who.role !== "worker") return null;
  const leaseId = numberOf("lease", headers["tally-lease"] ?? "");
  if (leaseId === undefined || !isLeaseToken(broker, leaseId, headers["tally-lease-token"] ?? ""))
    throw lost();
  const lease = getLease(broker.rows, leaseId);
  const worker = lease && broker.workers.get(lease.workerId);
  if (!lease || lease.closedAt !== null || worker?.tokenId !== who.tokenId) throw lost();
  const step = broker.rows.get<{ jobId: number }>(
    "SELECT job_id AS jobId FROM steps WHERE id = ?",
    lease.stepId,
  );
  if (!step) throw lost();
  return step.jobId;
}

/** Of these hashes, those that may be fetched with this reach. */
export function within(broker: Broker, reach: Reach, sha256s: readonly string[]): Set<string> {
  return reach === null ? new Set(sha256s) : blobsOfJob(broker.rows, reach, sha256s);
}

/** Places in the list of blobs that are not here yet; those that are count as used from now on. */
export async function findMissing(broker: Broker, blobs: readonly BlobRef[]): Promise<number[]> {
  const sha256s = blobs.map(({ sha256 }) => sha256);
  const missing = missingPlaces(broker.rows, sha256s);
  await useBlobs(broker, sha256s);
  return missing;
}

/** Notes that blobs are in use, in slices; what was noted within the hour is left. */
export async function useBlobs(broker: Broker, sha256s: readonly string[]): Promise<void> {
  const stale = staleOf(broker.rows, sha256s, broker.clock.now());
  for (let at = 0; at < stale.length; at += sliceRows) {
    const slice = stale.slice(at, at + sliceRows);
    // oxlint-disable-next-line no-await-in-loop -- slices must follow one another
    await broker.writer.write((tx) => touchBlobs(tx, slice));
  }
}

/** Stores a stream under its hash. Throws `invalid` for other bytes, `storage-full`, `storage-down`. */
export function putBlob(
  broker: Broker,
  sha256: string,
  bytes: number | null,
  stream: AsyncIterable<Uint8Array>,
): Promise<void> {
  return broker.guard.adding([sha256], async () => {
    let length = 0;
    async function* counted(): AsyncGenerator<Uint8Array> {
      for await (const part of stream) {
        length += part.length;
        yield part;
      }
    }
    const put = await broker.blobs.put(sha256, bytes, counted());
    // Present: the store may not have read what was sent.
    const known = put === "stored" ? length : await broker.blobs.head(sha256);
    await broker.writer.write((tx) => insertBlob(tx, { sha256, bytes: known ?? length }, put === "stored"));
  });
}

/** Files of a pack are stored together in so many bytes at most. */
const batchBytes = 2 * 1024 * 1024;

/** Stores the files of a pack as they come; returns how many. What came before a cut counts. Throws `malformed`, `invalid`, `too-large`. */
export async function putPack(broker: Broker, stream: AsyncIterable<Uint8Array>): Promise<number> {
  let batch: { sha256: string; data: Uint8Array }[] = [];
  let batched = 0;
  let total = 0;
  let stored = 0;

  async function flush(): Promise<void> {
    const files = batch;
    batch = [];
    batched = 0;
    const sha256s = files.map(({ sha256 }) => sha256);
    await broker.guard.adding(sha256s, async () => {
      const known = findBlobs(broker.rows, sha256s);
      await broker.blobs.putMany(files.filter(({ sha256 }) => !known.has(sha256)));
      await broker.writer.write((tx) => {
        // What was here before was not looked at: it counts as checked only if it did so far.
        for (const { sha256, data } of files)
          insertBlob(tx, { sha256, bytes: data.length }, !known.has(sha256));
      });
    });
    stored += files.length;
  }

  try {
    for await (const file of readPack(stream, maxPackedBytes)) {
      total += file.data.length;
      wentThrough(file.data.length);
      if (total > 2 * packBytes)
        throw new Problem("too-large", `Send packs of at most ${packBytes / 1_048_576} MiB.`);
      batch.push(file);
      batched += file.data.length;
      if (batched >= batchBytes || batch.length >= sliceRows) await flush();
    }
  } catch (error) {
    if (batch.length > 0) await flush();
    if (error instanceof PackError) throw new Problem("malformed", `${error.message} Send it again.`);
    throw error;
  }
  if (batch.length > 0) await flush();
  return stored;
}

/** A pack of those of the blobs that are here, small, and within reach; files are read while it is sent. */
export async function* getPack(
  broker: Broker,
  reach: Reach,
  sha256s: readonly string[],
): AsyncGenerator<Uint8Array> {
  const known = findBlobs(broker.rows, sha256s);
  const allowed = within(broker, reach, sha256s);
  const small = [...known.values()].filter(
    ({ sha256, bytes }) => bytes <= maxPackedBytes && allowed.has(sha256),
  );
  yield packStart();
  let files = 0;
  for (let at = 0; at < small.length; at += parallel) {
    const slice = small.slice(at, at + parallel);
    // oxlint-disable-next-line no-await-in-loop -- a few at a time bounds memory
    const read = await Promise.all(slice.map(({ sha256 }) => readWhole(broker, sha256, maxPackedBytes)));
    for (const [index, data] of read.entries()) {
      if (data === null) continue;
      files++;
      yield packHead((slice[index] as BlobRef).sha256, data.length);
      yield data;
    }
  }
  yield packEnd(files);
}

/** The bytes of a blob that is known to be small, or null when the store does not have it (or it is longer). */
export async function readWhole(
  broker: Broker,
  sha256: string,
  maxBytes: number,
): Promise<Buffer<ArrayBuffer> | null> {
  const found = await broker.blobs.get(sha256);
  if (!found) return null;
  if (found.bytes > maxBytes) {
    (found.stream as Readable).destroy();
    return null;
  }
  const parts: Buffer[] = [];
  for await (const part of found.stream) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** Places of those blobs that the store does not have with this size; the others are here from now on. */
export async function confirmBlobs(broker: Broker, blobs: readonly BlobRef[]): Promise<number[]> {
  const known = findBlobs(
    broker.rows,
    blobs.map(({ sha256 }) => sha256),
  );
  const missing: number[] = [];
  const queue = blobs.map((blob, place) => ({ ...blob, place })).filter(({ sha256 }) => !known.has(sha256));
  for (let at = 0; at < queue.length; at += sliceRows) {
    const slice = queue.slice(at, at + sliceRows);
    // oxlint-disable-next-line no-await-in-loop -- slices must follow one another
    await broker.guard.adding(
      slice.map(({ sha256 }) => sha256),
      async () => {
        const there: BlobRef[] = [];
        const left = [...slice];
        const look = async () => {
          for (let one = left.pop(); one; one = left.pop()) {
            // oxlint-disable-next-line no-await-in-loop -- `parallel` of these run side by side
            if ((await broker.blobs.head(one.sha256)) === one.bytes) there.push(one);
            else missing.push(one.place);
          }
        };
        await Promise.all(Array.from({ length: parallel }, look));
        // The store checks the hash of what came in one piece; what is longer came in parts, whatever is said.
        await broker.writer.write((tx) => {
          for (const { sha256, bytes } of there) insertBlob(tx, { sha256, bytes }, bytes <= maxSingleBytes);
        });
      },
    );
  }
  return missing.toSorted((a, b) => a - b);
}

/** Reads a blob that somebody found damaged; drops it when that is true. Throws `not-found`. */
export async function doubtBlob(broker: Broker, reach: Reach, sha256: string): Promise<{ dropped: boolean }> {
  const row = findBlob(broker.rows, sha256);
  if (!row || !within(broker, reach, [sha256]).has(sha256)) throw notHere();
  return broker.guard.removing([sha256], async (free) => {
    // Somebody stores it anew at this moment.
    if (free.length === 0) return { dropped: false };
    const found = await broker.blobs.get(sha256);
    if (found && (await hashOf(found.stream)) === sha256) {
      if (row.verified === 0) await broker.writer.write((tx) => markVerified(tx, sha256));
      return { dropped: false };
    }
    await broker.writer.write((tx) => dropBlob(tx, sha256));
    await broker.blobs.delete([sha256]);
    return { dropped: true };
  });
}

async function hashOf(stream: NodeJS.ReadableStream): Promise<string> {
  const hash = createHash("sha256");
  for await (const part of stream) hash.update(part as Buffer);
  return hash.digest("hex");
}

/** The one answer about bytes that are not here, or not for this worker. */
export function notHere(): Problem {
  return new Problem("not-found", "These bytes are not here.");
}
