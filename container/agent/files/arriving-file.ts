// A file on its way: written beside its place under another name, and given its own only when it is whole and right.
import { createHash, randomBytes, type Hash } from "node:crypto";
import { mkdir, open, rename, rm, writeFile, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import type { BlobRef } from "../../../broker/contract/blob.ts";
import { codeOf, FileUnwritableError } from "./file-errors.ts";

export interface ArrivingFile {
  /** Bytes written so far. */
  readonly bytes: number;
  write(piece: Uint8Array): Promise<void>;
  /** Forgets all that was written. */
  restart(): Promise<void>;
  /** Whether what was written is the blob. Ends the hash: only `restart`, `settle` or `drop` may follow. */
  isRight(): boolean;
  /** Flushes it, when that was asked for, and gives it its name. */
  settle(): Promise<void>;
  /** Removes what there is; after `settle` nothing. */
  drop(): Promise<void>;
}

/** Writes a whole file at once, its bytes checked by the caller; it appears whole. Throws FileUnwritableError. */
export async function writeWhole(path: string, data: Uint8Array, { sync }: { sync: boolean }): Promise<void> {
  const temporary = temporaryOf(path);
  await onDisk(path, async () => {
    try {
      const options = { flag: "wx", flush: sync };
      await writeFile(temporary, data, options).catch(async (error: unknown) => {
        if (codeOf(error) !== "ENOENT") throw error;
        await mkdir(dirname(path), { recursive: true });
        await writeFile(temporary, data, options);
      });
      await rename(temporary, path);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  });
}

/** Begins a file that will be `path`; its folder is made. Throws FileUnwritableError, as all its functions do. */
export async function beginFile(
  path: string,
  blob: BlobRef,
  { sync }: { sync: boolean },
): Promise<ArrivingFile> {
  const temporary = temporaryOf(path);
  const handle = await onDisk(path, () => openNew(temporary));
  let hash: Hash = createHash("sha256");
  let bytes = 0;
  let isOpen = true;
  let isSettled = false;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    await handle.close();
  };
  return {
    get bytes() {
      return bytes;
    },
    async write(piece) {
      await onDisk(path, () => writeAll(handle, piece, bytes));
      hash.update(piece);
      bytes += piece.length;
    },
    async restart() {
      await onDisk(path, () => handle.truncate(0));
      hash = createHash("sha256");
      bytes = 0;
    },
    isRight: () => bytes === blob.bytes && hash.digest("hex") === blob.sha256,
    async settle() {
      await onDisk(path, async () => {
        if (sync) await handle.sync();
        // Windows renames no file that is open.
        await close();
        await rename(temporary, path);
        isSettled = true;
      });
    },
    async drop() {
      if (isSettled) return;
      await close().catch(() => undefined);
      await rm(temporary, { force: true }).catch(() => undefined);
    },
  };
}

/** Two processes may fetch the same file at once. */
function temporaryOf(path: string): string {
  return `${path}.${process.pid}.${randomBytes(6).toString("hex")}.tmp`;
}

async function openNew(path: string): Promise<FileHandle> {
  try {
    return await open(path, "wx");
  } catch (error) {
    if (codeOf(error) !== "ENOENT") throw error;
    await mkdir(dirname(path), { recursive: true });
    return await open(path, "wx");
  }
}

async function writeAll(handle: FileHandle, piece: Uint8Array, position: number): Promise<void> {
  let done = 0;
  while (done < piece.length) {
    // oxlint-disable-next-line no-await-in-loop -- a disk that is nearly full takes a part first
    const { bytesWritten } = await handle.write(piece, done, piece.length - done, position + done);
    done += bytesWritten;
  }
}

async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw codeOf(error) === undefined ? error : new FileUnwritableError(path, error);
  }
}
