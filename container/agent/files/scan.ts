// Finds the files of a folder as they lie there: links followed, nothing outside of it, every trouble in a sentence.
import type { BigIntStats } from "node:fs";
import { constants } from "node:fs";
import { access, lstat, readdir, realpath, stat } from "node:fs/promises";
import { join, resolve, sep } from "node:path";
import { isUtf8 } from "node:buffer";
import { maxManifestFiles } from "../../../broker/contract/manifest.ts";
import { codeOf, reasonOf } from "./file-errors.ts";
import { eachOf } from "./lanes.ts";

/** A file that was found. Times in ns since 1970. */
export interface FoundFile {
  path: string;
  bytes: number;
  mtimeNs: bigint;
  ctimeNs: bigint;
  inode: bigint;
  executable: boolean;
}

/** What was found: `problems` are to be mended first, `notes` are only good to know; one sentence each. */
export interface Found {
  files: FoundFile[];
  emptyFolders: string[];
  problems: string[];
  notes: string[];
}

export interface ScanOptions {
  signal?: AbortSignal;
  /** Other folders that are inputs too: links may lead there as well. */
  roots?: readonly string[];
}

/** Questions to the file system at once: a server far away answers many of them in the time of one. */
const atOnce = 16;

interface Walk extends ScanOptions {
  root: string;
  /** Real paths that links may lead to. */
  inside: string[];
  found: Found;
  queue: Folder[];
  /** Folders met so far: links can make many of few. */
  folders: number;
}

/** A folder to look into, and the real paths of those above it, itself last. */
interface Folder {
  path: string;
  real: readonly string[];
}

/**
 * Every file below `root`. Paths begin with `root` as it was given, made absolute; sorted by path. Links to files and
 * folders inside are followed and appear under the link's own name; those that lead out, nowhere or in a circle, files
 * that cannot be read, sockets, pipes, devices and names that are not UTF-8 are problems.
 * Rejects only with the signal's reason.
 */
export async function scanFolder(root: string, options: ScanOptions = {}): Promise<Found> {
  const found: Found = { files: [], emptyFolders: [], problems: [], notes: [] };
  const path = resolve(root);
  let real: string;
  try {
    real = await realpath(path);
    if (!(await stat(real)).isDirectory()) {
      found.problems.push(`${path} is not a folder.`);
      return found;
    }
  } catch (error) {
    found.problems.push(`The folder ${path} cannot be read: ${reasonOf(error)}.`);
    return found;
  }
  const others = await Promise.all(
    (options.roots ?? []).map((one) => realpath(resolve(one)).catch(() => null)),
  );
  const inside = [real, ...others.filter((one) => one !== null)];
  const walk: Walk = { ...options, root: path, inside, found, queue: [{ path, real: [real] }], folders: 1 };
  await walkAll(walk);
  return sorted(found);
}

/**
 * The files with these paths, in their order; links are followed wherever they lead, since a person named them.
 * What is not there, not a file or not readable is a problem.
 */
export async function statFiles(paths: readonly string[], options: ScanOptions = {}): Promise<Found> {
  const found: Found = { files: [], emptyFolders: [], problems: [], notes: [] };
  const slots: (FoundFile | undefined)[] = paths.map(() => undefined);
  await eachOf(paths.entries(), atOnce, async ([index, given]) => {
    options.signal?.throwIfAborted();
    const path = resolve(given);
    try {
      const stats = await stat(path, { bigint: true });
      if (stats.isDirectory()) found.problems.push(`${path} is a folder, not a file.`);
      else if (!stats.isFile()) found.problems.push(`${path} is not a file: ${kindOf(stats)}.`);
      else if (await isReadable(path, stats)) slots[index] = foundFile(path, stats);
      else found.problems.push(`The file ${path} cannot be read: permission denied.`);
    } catch (error) {
      const there = codeOf(error) !== "ENOENT";
      found.problems.push(
        there ? `The file ${path} cannot be read: ${reasonOf(error)}.` : `The file ${path} does not exist.`,
      );
    }
  });
  found.files = slots.filter((one) => one !== undefined);
  return found;
}

/** Folders are read as they are found, some at once, until none is left. */
async function walkAll(walk: Walk): Promise<void> {
  while (walk.queue.length > 0) {
    const level = walk.queue.splice(0);
    // oxlint-disable-next-line no-await-in-loop -- the next level is not known before
    await eachOf(level, atOnce, (folder) => readFolder(walk, folder));
    if (walk.found.files.length > maxManifestFiles || walk.folders > maxManifestFiles) {
      walk.found.problems.push(
        `${walk.root} holds more than ${maxManifestFiles.toLocaleString("en")} files or folders. Name a smaller folder.`,
      );
      return;
    }
  }
}

async function readFolder(walk: Walk, folder: Folder): Promise<void> {
  walk.signal?.throwIfAborted();
  let names: Buffer[];
  try {
    names = await readdir(folder.path, { encoding: "buffer" });
  } catch (error) {
    walk.found.problems.push(`The folder ${folder.path} cannot be read: ${reasonOf(error)}.`);
    return;
  }
  if (names.length === 0) walk.found.emptyFolders.push(folder.path);
  const texts: string[] = [];
  for (const name of names) {
    if (isUtf8(name)) texts.push(name.toString());
    else
      walk.found.problems.push(
        `The name of ${join(folder.path, escaped(name))} is not UTF-8, so that it cannot be sent. Give it another name.`,
      );
  }
  noteSameButCase(walk.found, folder.path, texts);
  walk.signal?.throwIfAborted();
  await eachOf(texts, atOnce, (name) => look(walk, folder, name));
}

/** One entry of a folder. */
async function look(walk: Walk, folder: Folder, name: string): Promise<void> {
  const { found } = walk;
  const path = join(folder.path, name);
  try {
    const stats = await lstat(path, { bigint: true });
    if (stats.isSymbolicLink()) await follow(walk, folder, path);
    else if (stats.isDirectory()) enter(walk, folder, path, join(folder.real.at(-1) as string, name));
    else await addFile(found, path, stats);
  } catch (error) {
    // Removed since the folder was read: not there, then.
    if (codeOf(error) !== "ENOENT") found.problems.push(`${path} cannot be read: ${reasonOf(error)}.`);
  }
}

async function addFile(found: Found, path: string, stats: BigIntStats): Promise<void> {
  if (!stats.isFile())
    found.problems.push(`${path} is not a file: ${kindOf(stats)}. Move it out of the folder.`);
  else if (await isReadable(path, stats)) found.files.push(foundFile(path, stats));
  else found.problems.push(`The file ${path} cannot be read: permission denied.`);
}

/** A link: what it leads to appears under the link's own name, when it lies inside. */
async function follow(walk: Walk, folder: Folder, path: string): Promise<void> {
  const { found } = walk;
  let target: string;
  try {
    target = await realpath(path);
  } catch (error) {
    const circle = codeOf(error) === "ELOOP";
    found.problems.push(
      circle
        ? `${path} is a link that leads in a circle.`
        : `${path} is a link to something that is not there.`,
    );
    return;
  }
  if (!walk.inside.some((root) => isInside(root, target))) {
    found.problems.push(
      `${path} links to ${target}, outside of ${walk.root}: add that folder as an input of its own, or put the files in its place.`,
    );
    return;
  }
  const stats = await stat(target, { bigint: true });
  if (!stats.isDirectory()) return addFile(found, path, stats);
  if (folder.real.some((above) => isInside(target, above))) {
    found.problems.push(
      `${path} is a link that leads back to ${target}, which holds it: a circle. Remove the link.`,
    );
    return;
  }
  enter(walk, folder, path, target);
}

/** A folder to look into later, unless there are too many already. */
function enter(walk: Walk, above: Folder, path: string, real: string): void {
  if (walk.folders++ < maxManifestFiles) walk.queue.push({ path, real: [...above.real, real] });
}

/** Whether `path` is `root` or below it; both real. */
function isInside(root: string, path: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : root + sep);
}

function foundFile(path: string, stats: BigIntStats): FoundFile {
  const { size, mtimeNs, ctimeNs, ino, mode } = stats;
  const executable = process.platform !== "win32" && (mode & 0o111n) !== 0n;
  return { path, bytes: Number(size), mtimeNs, ctimeNs, inode: ino, executable };
}

/** Asks the system only where the file's own bits do not say so already. */
async function isReadable(path: string, stats: BigIntStats): Promise<boolean> {
  if (process.platform === "win32" || (stats.mode & 0o004n) !== 0n) return true;
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

function kindOf(stats: BigIntStats): string {
  if (stats.isFIFO()) return "it is a pipe";
  if (stats.isSocket()) return "it is a socket";
  return "it is a device";
}

/** Names that are two here are one on Windows and macOS. */
function noteSameButCase(found: Found, folder: string, names: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const name of names) {
    const folded = name.normalize("NFC").toLowerCase();
    const other = seen.get(folded);
    if (other === undefined) seen.set(folded, name);
    else
      found.notes.push(
        `${join(folder, other)} and ${name} differ only by case: on Windows and macOS they would be one file.`,
      );
  }
}

/** A name with the bytes that are no text as \xNN. */
function escaped(name: Buffer): string {
  return Array.from(name, (byte) =>
    byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, "0")}`,
  ).join("");
}

function sorted(found: Found): Found {
  const order = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
  found.files.sort((a, b) => order(a.path, b.path));
  found.emptyFolders.sort(order);
  found.problems.sort(order);
  found.notes.sort(order);
  return found;
}
