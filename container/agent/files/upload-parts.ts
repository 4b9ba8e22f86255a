// Sends a long file in parts: each hashed, signed and sent by itself, those that are there already left out.
import { open, type FileHandle } from "node:fs/promises";
import type { BlobRef, Signed, Upload } from "../../../broker/contract/blob.ts";
import { ProblemError } from "../../../broker/contract/client.ts";
import { codeOf, FileChangedError, FileUnreadableError, reasonOf } from "./file-errors.ts";
import type { HashPool } from "./hash-pool.ts";
import { eachOf } from "./lanes.ts";
import type { Counter } from "./progress.ts";
import { StoreError } from "./retry.ts";
import { putSigned } from "./signed.ts";
import { ask, longAnswerMs, type Transfer } from "./transfer.ts";

/** A file to be sent; with its times it is also noticed when it changed before it was sent. */
export interface UploadFile {
  path: string;
  sha256: string;
  bytes: number;
  mtimeNs?: bigint;
  ctimeNs?: bigint;
}

/** What all files of one upload share. */
export interface Sending {
  transfer: Transfer;
  pool: HashPool;
  counter: Counter;
  /** As many bodies at once as were asked for, whoever sends them. */
  gate: <T>(work: () => Promise<T>) => Promise<T>;
}

/** The upload is not known any more; asking where to send begins a new one. */
export class UploadGoneError extends Error {}

type PartsUpload = Extract<Upload, { kind: "parts" }>;

/**
 * Sends the parts of a file that are not there yet and makes one blob of them. Throws UploadGoneError when the broker
 * knows the upload no longer or lacks a part; FileChangedError, and then the parts are forgotten.
 */
export async function sendParts(sending: Sending, file: UploadFile, upload: PartsUpload): Promise<void> {
  const { transfer, counter } = sending;
  const { uploadId, partBytes } = upload;
  const count = Math.ceil(file.bytes / partBytes);
  const lengthOf = (number: number) => Math.min(partBytes, file.bytes - (number - 1) * partBytes);
  const done = new Set(upload.done);
  const todo = Array.from({ length: count }, (_, index) => index + 1).filter((number) => !done.has(number));
  const counted = counter.attempt();
  counted.move([...done].reduce((sum, number) => sum + lengthOf(number), 0));
  const path = `/v1/blobs/uploads/${uploadId}`;
  const { signal, patience } = transfer;
  try {
    const handle = await openToRead(file.path);
    try {
      const before = await timesOf(handle, file);
      await eachOf(todo, transfer.parallel + 1, async (number) => {
        const part = { number, start: (number - 1) * partBytes, bytes: lengthOf(number) };
        await sendPart(sending, { file, handle, path }, part, counted);
      });
      if ((await timesOf(handle, file)) !== before) throw new FileChangedError(file.path);
    } finally {
      await handle.close();
    }
    await patience.keep(() => ask<BlobRef>(transfer, "post", `${path}/complete`, undefined, longAnswerMs), {
      signal,
    });
    patience.moved();
  } catch (error) {
    counted.undo();
    // Parts of two states of a file must never become one blob.
    if (error instanceof FileChangedError) await ask(transfer, "delete", path).catch(() => undefined);
    const isGone = error instanceof ProblemError && (error.code === "not-found" || error.code === "conflict");
    throw isGone ? new UploadGoneError(error.message) : error;
  }
}

interface Part {
  number: number;
  start: number;
  bytes: number;
}

async function sendPart(
  { transfer, pool, gate }: Sending,
  { file, handle, path }: { file: UploadFile; handle: FileHandle; path: string },
  { number, start, bytes }: Part,
  counted: { move(bytes: number): void },
): Promise<void> {
  const { signal, patience, client } = transfer;
  let hashed = await pool.range({ path: file.path, start, bytes });
  await patience.keep(
    async () => {
      if (hashed.bytes !== bytes) throw new FileChangedError(file.path);
      const body = { parts: [{ number, sha256: hashed.sha256, bytes }] };
      const { parts } = await ask<{ parts: Signed[] }>(transfer, "post", `${path}/parts`, body);
      let sent = 0;
      const onBytes = (more: number) => {
        sent += more;
        counted.move(more);
      };
      const pieces = piecesOf(handle, file.path, start, bytes);
      try {
        await gate(() => putSigned(parts[0] as Signed, bytes, pieces, { base: client.url, signal, onBytes }));
      } catch (error) {
        counted.move(-sent);
        if (!(error instanceof StoreError)) throw error;
        if (error.status === 404) throw new UploadGoneError(error.message);
        if (error.status === 400) {
          // Either the line changed the bytes, or somebody else changed the file.
          const again = await pool.range({ path: file.path, start, bytes });
          if (again.sha256 !== hashed.sha256) throw new FileChangedError(file.path);
          hashed = again;
        }
        throw error;
      }
    },
    { signal, mends: [400, 403] },
  );
  patience.moved();
}

/** Opens a file; one that is gone has changed. Throws FileChangedError, FileUnreadableError. */
export async function openToRead(path: string): Promise<FileHandle> {
  try {
    return await open(path, "r");
  } catch (error) {
    throw codeOf(error) === "ENOENT"
      ? new FileChangedError(path)
      : new FileUnreadableError(path, reasonOf(error));
  }
}

const pieceBytes = 256 * 1024;
/** Buffers that nobody uses just now: as many as were ever in use at once, instead of one for each part. */
const idleBuffers: Buffer[] = [];

/**
 * So many bytes of a file, piece by piece in one buffer, overwritten each time. Throws FileChangedError when the file
 * ends before.
 */
export async function* piecesOf(
  handle: FileHandle,
  path: string,
  start: number,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  const buffer = idleBuffers.pop() ?? Buffer.allocUnsafeSlow(pieceBytes);
  for (let done = 0; done < bytes;) {
    // oxlint-disable-next-line no-await-in-loop -- a file is read in order
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, bytes - done), start + done);
    if (bytesRead === 0) throw new FileChangedError(path);
    yield buffer.subarray(0, bytesRead);
    done += bytesRead;
  }
  // Not after a break or an error: a line that broke may still hold the buffer.
  idleBuffers.push(buffer);
}

/** What changes when a file does, in one word. Throws FileChangedError where that is known to be another already. */
async function timesOf(handle: FileHandle, file: UploadFile): Promise<string> {
  const { size, mtimeNs, ctimeNs } = await handle.stat({ bigint: true });
  const isOther =
    size !== BigInt(file.bytes) ||
    (file.mtimeNs !== undefined && file.mtimeNs !== mtimeNs) ||
    (file.ctimeNs !== undefined && file.ctimeNs !== ctimeNs);
  if (isOther) throw new FileChangedError(file.path);
  return `${size} ${mtimeNs} ${ctimeNs}`;
}
