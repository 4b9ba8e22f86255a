// One file on its way home: temporary name beside its place, checked, flushed, renamed. Never a hard link: Blender
// overwrites in place, and a later render would change a file that is kept elsewhere.
import { rename, rm, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, normalize } from "node:path";
import { copyChecked, flush, hashOf, isCode, makeFolder, setMode } from "./files.ts";

export interface Homecoming {
  id: number | string;
  /** Its place: a full path of this machine. */
  name: string;
  bytes: number;
  sha256: string;
  /** What happens to another file that is there already. */
  conflict: "overwrite" | "skip";
  executable?: boolean;
  /**
   * Where it is: a file of this machine, which may be gone afterwards with `move`; or `fetch` writes it under the name
   * it is given, and may throw words for a person.
   */
  source: { file: string; move: boolean } | { fetch: (target: string) => Promise<void> };
}

export type HomeResult = { kind: "delivered" } | { kind: "skipped" } | { kind: "failed"; problem: string };

/** Why a file cannot come home, in words without its name. */
class Refusal extends Error {}
/** Its bytes are not what they were: there is nothing to keep. */
class Lost extends Refusal {}

/** Puts one file where it belongs. Doing it again after a crash at any point ends the same. Never throws. */
export async function bringHome(file: Homecoming): Promise<HomeResult> {
  const temporary = temporaryOf(file);
  try {
    refuseBadName(file.name);
    const there = await lookAt(file.name);
    if (there === "folder")
      throw new Refusal("a folder has that name. Move it away; it is tried again by itself");
    if (there !== null && (await isIt(file, file.name, there))) {
      // It came home before a crash, or somebody put the very same bytes there.
      await flush(file.name);
      await flush(dirname(file.name));
      await rm(temporary, { force: true });
      return { kind: "delivered" };
    }
    if (there !== null && file.conflict === "skip") {
      await rm(temporary, { force: true });
      return { kind: "skipped" };
    }
    await makeFolder(dirname(file.name));
    if (!(await isWhole(file, temporary))) await produce(file, temporary);
    await setMode(temporary, file.executable === true);
    await flush(temporary);
    await rename(temporary, file.name);
    await flush(dirname(file.name));
    return { kind: "delivered" };
  } catch (error) {
    await forget(file, temporary);
    const why = error instanceof Refusal ? error.message : wordsFor(error);
    const kept = error instanceof Lost ? "" : " The frame itself is done and kept by the broker.";
    return { kind: "failed", problem: `${file.name} could not be put in its place: ${why}.${kept}` };
  }
}

/** Where a file lies until it is whole: beside its place, so that the last step is a rename. */
function temporaryOf({ id, name }: Homecoming): string {
  // File systems count bytes, not characters; a letter that is cut in two would be no letter.
  const start = new TextDecoder("utf-8").decode(Buffer.from(basename(name)).subarray(0, 200));
  return join(dirname(name), `.${start.replaceAll("\uFFFD", "")}.tally-${id}.tmp`);
}

function refuseBadName(name: string): void {
  const isFull = isAbsolute(name) && normalize(name) === name && !/[\\/]$/.test(name);
  if (isFull && !name.includes("\0")) return;
  throw new Refusal("that is not the full name of a file on this machine");
}

/** Size of a file, "folder", or null where nothing is. */
async function lookAt(path: string): Promise<number | "folder" | null> {
  try {
    const found = await stat(path);
    return found.isDirectory() ? "folder" : found.size;
  } catch (error) {
    if (isCode(error, "ENOENT") || isCode(error, "ENOTDIR")) return null;
    throw error;
  }
}

async function isIt({ bytes, sha256 }: Homecoming, path: string, size: number): Promise<boolean> {
  return size === bytes && (await hashOf(path)) === sha256;
}

async function isWhole(file: Homecoming, path: string): Promise<boolean> {
  const size = await lookAt(path);
  return typeof size === "number" && (await isIt(file, path, size));
}

/** Makes the whole file under the temporary name. */
async function produce(file: Homecoming, temporary: string): Promise<void> {
  const { source, bytes, sha256 } = file;
  if ("fetch" in source) {
    await rm(temporary, { force: true });
    await source.fetch(temporary);
    await check(temporary, bytes, sha256, "what arrived");
    return;
  }
  const size = await lookAt(source.file);
  if (typeof size !== "number")
    throw new Lost("it is no longer where the worker left it. Render the frame again with `tally requeue`");
  if (size !== bytes)
    throw new Lost(
      `it has ${size} bytes where the worker wrote ${bytes}. Render the frame again with \`tally requeue\``,
    );
  await rm(temporary, { force: true });
  if (source.move && (await moved(source.file, temporary))) {
    const isRight = (await hashOf(temporary)) === sha256;
    if (isRight) return;
    await rename(temporary, source.file);
    throw otherBytes();
  }
  if ((await copyChecked(source.file, temporary)) !== sha256) throw otherBytes();
}

function otherBytes(): Refusal {
  return new Lost("it has other bytes than the worker wrote. Render the frame again with `tally requeue`");
}

async function check(path: string, bytes: number, sha256: string, what: string): Promise<void> {
  const size = await lookAt(path);
  if (size !== bytes)
    throw new Refusal(`${what} has ${size ?? 0} bytes instead of ${bytes}; it is tried again`);
  if ((await hashOf(path)) !== sha256)
    throw new Refusal(`${what} has other bytes than the worker wrote; it is tried again`);
}

/** False when the place is on another disk. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (isCode(error, "EXDEV")) return false;
    throw error;
  }
}

/** Removes a half file; one that was moved, not copied, is the only one there is and stays for the next try. */
async function forget({ source }: Homecoming, temporary: string): Promise<void> {
  if ("file" in source && source.move && (await lookAt(source.file).catch(() => null)) === null) return;
  await rm(temporary, { force: true }).catch(() => undefined);
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
  const words = error instanceof Error ? error.message : String(error);
  return `${words.replace(/\.$/, "")}; it is tried again by itself`;
}
