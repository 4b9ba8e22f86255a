// What bringing files home asks of a file system: hash, copy while hashing, flush, make folders, and the mode of a file.
import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { chmod, copyFile, mkdir, open, stat } from "node:fs/promises";
import { dirname } from "node:path";

/** Whether `error` carries this code of the operating system, such as ENOENT. */
export function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/** Read at once, bytes: hashing this much holds the loop for less than a millisecond. */
const pieceBytes = 512 * 1024;

/** SHA-256 of a file, in hexadecimal. */
export async function hashOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  const handle = await open(path, "r");
  try {
    const piece = Buffer.allocUnsafe(pieceBytes);
    for (;;) {
      // oxlint-disable-next-line no-await-in-loop -- a file is read in order
      const { bytesRead } = await handle.read(piece, 0, pieceBytes);
      if (bytesRead === 0) return hash.digest("hex");
      hash.update(piece.subarray(0, bytesRead));
    }
  } finally {
    await handle.close();
  }
}

/** Copies a file, by a reflink where the file system can; answers the SHA-256 of what the copy holds. */
export async function copyChecked(from: string, to: string): Promise<string> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE_FORCE | constants.COPYFILE_EXCL);
    return await hashOf(to);
  } catch (error) {
    if (!cannotReflink.some((code) => isCode(error, code))) throw error;
  }
  const hash = createHash("sha256");
  const source = await open(from, "r");
  try {
    const target = await open(to, "w", 0o666);
    try {
      const piece = Buffer.allocUnsafe(pieceBytes);
      for (;;) {
        // oxlint-disable no-await-in-loop -- a file is copied in order
        const { bytesRead } = await source.read(piece, 0, pieceBytes);
        if (bytesRead === 0) return hash.digest("hex");
        const part = piece.subarray(0, bytesRead);
        hash.update(part);
        // Unlike `write`, this writes the whole piece or fails.
        await target.appendFile(part);
        // oxlint-enable no-await-in-loop
      }
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

/** What file systems say that have no reflinks, or for a place on another disk. */
const cannotReflink = ["ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EXDEV", "EINVAL", "ENOTTY", "EPERM", "EEXIST"];

/** Gives a file the mode that a program which writes a new one would get, and the right to be run where asked for. */
export async function setMode(path: string, executable: boolean): Promise<void> {
  // A staged file or a blob may have been closed to others; the file at home is an ordinary one.
  const mode = (executable ? 0o777 : 0o666) & ~umask();
  if (process.platform !== "win32" && ((await stat(path)).mode & 0o777) !== mode) await chmod(path, mode);
}

let knownUmask: number | undefined;
/** Asked once: there is no way to ask that does not set it. */
function umask(): number {
  if (knownUmask === undefined) {
    knownUmask = process.umask(0o077);
    process.umask(knownUmask);
  }
  return knownUmask;
}

/**
 * Makes a folder and those above it. Not by Node's `recursive`: where the system answers ENOENT below a folder that is
 * there (/proc, some mounts) that one tries for ever.
 */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    if (isCode(error, "EEXIST")) {
      if (!(await stat(folder)).isDirectory()) throw error;
    } else if (isCode(error, "ENOENT") && dirname(folder) !== folder) {
      await makeFolder(dirname(folder));
      await mkdir(folder).catch((again: unknown) => {
        // Another file of this job made it meanwhile.
        if (!isCode(again, "EEXIST")) throw again;
      });
    } else {
      throw error;
    }
  }
}

/** Waits until a file or a folder is on the disk. */
export async function flush(path: string): Promise<void> {
  const handle = await open(path, "r").catch((error: unknown) => {
    // Windows cannot open a folder; a rename there is durable enough without.
    if (isCode(error, "EISDIR") || isCode(error, "EPERM")) return null;
    throw error;
  });
  if (!handle) return;
  try {
    await handle.sync();
  } catch (error) {
    if (!isCode(error, "EINVAL") && !isCode(error, "EPERM")) throw error;
  } finally {
    await handle.close();
  }
}
