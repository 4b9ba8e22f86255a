// One file on its way home: temporary name beside its place, flushed, checked, renamed. Never a hard link: Blender
// overwrites in place, and a later render would change a file that is kept elsewhere.
import { constants } from "node:fs";
import { copyFile, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { isCode } from "../domain/error-code.ts";

export interface Homecoming {
  id: number;
  staged: string;
  name: string;
  bytes: number;
  conflict: "overwrite" | "skip";
}

export type HomeResult = { kind: "delivered" } | { kind: "skipped" } | { kind: "failed"; problem: string };

/** Puts one staged file where it belongs. Doing it again after a crash at any point ends the same. */
export async function bringHome(file: Homecoming): Promise<HomeResult> {
  const folder = dirname(file.name);
  // File systems count bytes, not characters.
  const start = Buffer.from(basename(file.name)).subarray(0, 200).toString();
  const temporary = join(folder, `.${start}.tally-${file.id}.tmp`);
  try {
    if (file.conflict === "skip" && (await sizeOf(file.name)) !== null) {
      const waiting = (await sizeOf(file.staged)) ?? (await sizeOf(temporary));
      // Where nothing waits any more, what lies there may be this very file: see below.
      if (waiting !== null) {
        await rm(temporary, { force: true });
        return { kind: "skipped" };
      }
    }
    await makeFolder(folder);
    if ((await sizeOf(temporary)) !== file.bytes || (await sizeOf(file.staged)) !== null) {
      const size = await sizeOf(file.staged);
      if (size === null) {
        // Renamed before a crash that came ahead of the commit: the file is home already.
        if ((await sizeOf(file.name)) === file.bytes) return { kind: "delivered" };
        return failed(
          file,
          "it is no longer where the worker left it. Render the frame again with `tally requeue`",
        );
      }
      if (size !== file.bytes)
        return failed(
          file,
          `it has ${size} bytes where the worker wrote ${file.bytes}. Render the frame again with \`tally requeue\``,
        );
      await move(file.staged, temporary);
    }
    if ((await sizeOf(temporary)) !== file.bytes)
      return failed(file, "the copy came out short; it is tried again");
    await flush(temporary);
    await rename(temporary, file.name);
    await flush(folder);
    return { kind: "delivered" };
  } catch (error) {
    await forgetCopy(file.staged, temporary);
    return failed(file, wordsFor(error));
  }
}

/**
 * Makes a folder and those above it. Not by Node's `recursive`: where the system answers ENOENT below a folder that is
 * there (/proc, some mounts) that one tries for ever.
 */
async function makeFolder(folder: string): Promise<void> {
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

/** Removes a half copy; a file that was moved, not copied, is the only one there is and stays for the next try. */
async function forgetCopy(staged: string, temporary: string): Promise<void> {
  const original = await sizeOf(staged).catch(() => null);
  if (original !== null) await rm(temporary, { force: true }).catch(() => undefined);
}

async function move(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if (!isCode(error, "EXDEV")) throw error;
    // Another disk: a reflink where the file system can, else a copy; the staged file stays until the commit.
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}

async function flush(path: string): Promise<void> {
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

async function sizeOf(path: string): Promise<number | null> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return null;
    throw error;
  }
}

function failed(file: Homecoming, why: string): HomeResult {
  return {
    kind: "failed",
    problem: `${file.name} could not be put in its place: ${why}. The frame itself is done and kept at ${file.staged}.`,
  };
}

function wordsFor(error: unknown): string {
  if (isCode(error, "ENOSPC") || isCode(error, "EDQUOT"))
    return "the disk is full. Free some space; it is tried again by itself";
  if (isCode(error, "EACCES") || isCode(error, "EPERM") || isCode(error, "EROFS"))
    return "that folder cannot be written. Change its permissions; it is tried again by itself";
  if (isCode(error, "ENOTDIR") || isCode(error, "EEXIST"))
    return "a file stands where its folder should be. Move that file away; it is tried again by itself";
  if (isCode(error, "ENOENT")) return "no folder can be made there. Submit again with another output (-o)";
  if (isCode(error, "EISDIR")) return "a folder has that name. Move it away; it is tried again by itself";
  return `${error instanceof Error ? error.message : String(error)}; it is tried again by itself`;
}
