// Blobs that are sent past the broker: in one piece to a signed address, or in parts. Two who send the same one share
// its upload; asking again resumes.
import { maxSingleBytes, partBytesOf, type BlobRef, type Signed, type Upload } from "../contract/blob.ts";
import { Problem } from "../contract/problem.ts";
import type { BlobPart, SignedAddress } from "../domain/ports.ts";
import {
  deleteUpload,
  findBlob,
  findUpload,
  findUploadOf,
  insertBlob,
  insertUpload,
  touchUpload,
  type UploadRow,
} from "../store/blobs.ts";
import { useBlobs } from "./blobs.ts";
import type { Broker } from "./broker.ts";
import { idOf, numberOf, requireNumber } from "./ids.ts";

/** How long a signed address works, ms. */
export const signedForMs = 10 * 60_000;

/** An address as it goes over the wire. */
export function onTheWire({ url, headers, expiresAt }: SignedAddress): Signed {
  return { url, headers, expiresAt: new Date(expiresAt).toISOString() };
}

/** Signed together: an S3 signature takes half a millisecond. */
const signedTogether = 16;

/** Signs many, a few at a time, so that others have their turn in between; in the order of `items`. */
export async function signMany<T, R>(items: readonly T[], sign: (item: T) => Promise<R>): Promise<R[]> {
  const signed: R[] = [];
  for (let at = 0; at < items.length; at += signedTogether) {
    // oxlint-disable-next-line no-await-in-loop -- see above
    signed.push(...(await Promise.all(items.slice(at, at + signedTogether).map(sign))));
    // oxlint-disable-next-line no-await-in-loop -- see above
    await new Promise((turn) => setImmediate(turn));
  }
  return signed;
}

export interface Uploads {
  /** Where to send a blob. Throws `storage-full`, `storage-down`. */
  start(blob: BlobRef): Promise<Upload>;
  /** Addresses for parts. Throws `not-found`, `invalid`. */
  sign(uploadId: string, parts: readonly BlobPart[]): Promise<Signed[]>;
  /** Makes one blob of the parts; twice is fine. Throws `not-found`, `conflict` when one is missing. */
  complete(uploadId: string): Promise<BlobRef>;
  /** Forgets an upload; one that is not known is fine. */
  abort(uploadId: string): Promise<void>;
}

/** The uploads of one broker; what happens to one hash takes turns. */
export function createUploads(broker: Broker): Uploads {
  const turns = new Map<string, Promise<unknown>>();

  async function inTurn<T>(sha256: string, work: () => Promise<T>): Promise<T> {
    const turn = (turns.get(sha256) ?? Promise.resolve()).catch(() => undefined).then(work);
    turns.set(sha256, turn);
    try {
      return await turn;
    } finally {
      if (turns.get(sha256) === turn) turns.delete(sha256);
    }
  }

  async function isHere(sha256: string): Promise<boolean> {
    if (!findBlob(broker.rows, sha256)) return false;
    await useBlobs(broker, [sha256]);
    return true;
  }

  async function resume(blob: BlobRef): Promise<Upload> {
    const known = findUploadOf(broker.rows, blob.sha256);
    // Of another length: one of the two is wrong about it, and it may have been the first.
    const parts = known?.bytes === blob.bytes ? await broker.blobs.listParts(known.reference, blob) : null;
    if (known && parts) {
      await broker.writer.write((tx) => touchUpload(tx, known.id));
      const whole = parts.filter(({ number, bytes }) => bytes === lengthOf(known, number));
      return partsAnswer(
        known.id,
        known.partBytes,
        whole.map(({ number }) => number),
      );
    }
    if (known && known.bytes !== blob.bytes) await broker.blobs.abortParts(known.reference, known);
    const partBytes = partBytesOf(blob.bytes);
    const reference = await broker.blobs.startParts(blob, partBytes);
    const id = await broker.writer.write((tx) => insertUpload(tx, { ...blob, partBytes, reference }));
    return partsAnswer(id, partBytes, []);
  }

  function uploadOf(uploadId: string): UploadRow {
    const upload = findUpload(broker.rows, requireNumber("upload", uploadId));
    if (!upload) throw noUpload(uploadId);
    return upload;
  }

  return {
    start: (blob) =>
      inTurn(blob.sha256, async () => {
        if (await isHere(blob.sha256)) return { kind: "present" };
        if (blob.bytes > maxSingleBytes) return resume(blob);
        return { kind: "single", put: onTheWire(await broker.blobs.signPut(blob, signedForMs)) };
      }),
    async sign(uploadId, parts) {
      const upload = uploadOf(uploadId);
      const { sha256, bytes } = upload;
      for (const part of parts) {
        const right = lengthOf(upload, part.number);
        if (part.bytes === right) continue;
        throw new Problem(
          "invalid",
          right === null
            ? `This upload has no part ${part.number}.`
            : `Part ${part.number} must have ${right} bytes.`,
        );
      }
      await broker.writer.write((tx) => touchUpload(tx, upload.id));
      const { reference } = upload;
      return await signMany(parts, async (part) =>
        onTheWire(await broker.blobs.signPart(reference, { sha256, bytes }, part, signedForMs)),
      );
    },
    complete(uploadId) {
      const upload = uploadOf(uploadId);
      const blob = { sha256: upload.sha256, bytes: upload.bytes };
      return inTurn(blob.sha256, async () => {
        if (await isHere(blob.sha256)) return blob;
        return broker.guard.adding([blob.sha256], async () => {
          try {
            await broker.blobs.completeParts(upload.reference, blob, countOf(upload));
          } catch (error) {
            // Completed before a crash that came ahead of the row.
            if ((await broker.blobs.head(blob.sha256)) !== blob.bytes) throw error;
          }
          await broker.writer.write((tx) => insertBlob(tx, blob, false));
          return blob;
        });
      });
    },
    async abort(uploadId) {
      const number = numberOf("upload", uploadId);
      const upload = number === undefined ? undefined : findUpload(broker.rows, number);
      if (!upload) return;
      await inTurn(upload.sha256, async () => {
        await broker.writer.write((tx) => deleteUpload(tx, upload.id));
        await broker.blobs.abortParts(upload.reference, upload);
      });
    },
  };
}

const countOf = ({ bytes, partBytes }: UploadRow) => Math.ceil(bytes / partBytes);

/** How long part `number` is, bytes; null when there is none. */
function lengthOf(upload: UploadRow, number: number): number | null {
  const count = countOf(upload);
  if (number < 1 || number > count) return null;
  return number < count ? upload.partBytes : upload.bytes - (count - 1) * upload.partBytes;
}

function partsAnswer(id: number, partBytes: number, done: number[]): Upload {
  return { kind: "parts", uploadId: idOf("upload", id), partBytes, done };
}

function noUpload(uploadId: string): Problem {
  return new Problem(
    "not-found",
    `There is no upload ${uploadId}. Begin it anew: what is there is not sent again.`,
  );
}
