// What makes a file of the store last: written in large pieces, and on the disk before it gets its own name.
import { execFile } from "node:child_process";
import { open, type FileHandle } from "node:fs/promises";
import { promisify } from "node:util";
import { Problem } from "../contract/problem.ts";
import { isCode } from "../domain/error-code.ts";

const runProgram = promisify(execFile);

/** Runs work on the disk; its failures become `storage-full` or `storage-down`, what is missing (ENOENT) stays as it is. */
export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskProblem(error);
  }
}

function diskProblem(error: unknown): unknown {
  if (isCode(error, "ENOSPC") || isCode(error, "EDQUOT"))
    return new Problem(
      "storage-full",
      "The disk with Tally's files is full. Free some space, or type `tally clean` on the broker's machine, and submit again.",
    );
  for (const code of ["EIO", "EROFS", "EACCES", "EPERM", "ESTALE", "ENODEV", "ENXIO", "ENOTCONN"])
    if (isCode(error, code))
      return new Problem(
        "storage-down",
        `The disk with Tally's files cannot be read or written (${code}). Look after the folder of storage in tally.yaml; it is tried again by itself.`,
      );
  return error;
}

/** Writes all of `pieces` at `position`, in bytes. A write that is cut short goes on: a full disk fails, it never shortens. */
export async function writeAll(
  handle: FileHandle,
  pieces: readonly Uint8Array[],
  position: number,
): Promise<void> {
  const { bytesWritten } = await handle.writev(pieces, position);
  const total = pieces.reduce((sum, piece) => sum + piece.length, 0);
  if (bytesWritten === total) return;
  const rest = Buffer.concat(pieces).subarray(bytesWritten);
  for (let at = 0; at < rest.length;) {
    // oxlint-disable-next-line no-await-in-loop -- the rest of one write
    const next = await handle.write(rest, at, rest.length - at, position + bytesWritten + at);
    at += next.bytesWritten;
  }
}

/** The bytes of a file, opened when the first is asked for: a put that fails before leaves nothing open. */
export async function* bytesOfFile(path: string): AsyncGenerator<Uint8Array> {
  const handle = await onDisk(() => open(path, "r"));
  yield* handle.createReadStream({ highWaterMark: 1024 * 1024 }) as AsyncIterable<Uint8Array>;
}

/** Puts what a folder lists on the disk. */
export async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder for this; there the rename itself is what is promised.
  if (process.platform === "win32") return;
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Puts many paths on the disk. */
export type SyncMany = (paths: readonly string[]) => Promise<void>;

/**
 * Puts many files or folders below `folder` on the disk at once: one `sync -f` takes as long as one of them alone,
 * where thousands of fsyncs take seconds. Those who ask while one runs share the next.
 */
export function createSyncMany(folder: string): SyncMany {
  let canSyncAll = process.platform === "linux";
  let running: Promise<boolean> | undefined;
  let next: Promise<boolean> | undefined;

  async function syncAll(): Promise<boolean> {
    try {
      await runProgram("sync", ["-f", folder], { timeout: 600_000 });
      return true;
    } catch {
      // No such program, or one that does not know -f: never asked again.
      canSyncAll = false;
      return false;
    }
  }
  function shareSync(): Promise<boolean> {
    next ??= (running ?? Promise.resolve(true)).then(() => {
      running = next;
      next = undefined;
      return syncAll();
    });
    return next;
  }

  return async (paths) => {
    if (paths.length > 16 && canSyncAll && (await shareSync())) return;
    await inParallel(paths, 16, syncOne);
  };
}

async function syncOne(path: string): Promise<void> {
  if (process.platform === "win32") return;
  await syncFolder(path);
}

/** Does `work` for each item, at most `width` at a time. The first failure is thrown once what had begun has ended. */
export async function inParallel<T>(
  items: readonly T[],
  width: number,
  work: (item: T, index: number) => Promise<void>,
): Promise<void> {
  let at = 0;
  let failure: { error: unknown } | undefined;
  async function lane(): Promise<void> {
    while (at < items.length && !failure) {
      const index = at++;
      try {
        // oxlint-disable-next-line no-await-in-loop -- a lane does one after another
        await work(items[index] as T, index);
      } catch (error) {
        failure ??= { error };
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, lane));
  if (failure) throw failure.error;
}
