// The mirror: a session's folder in which files lie under the names they have at home, and nothing can lead out of it.
import { constants } from "node:fs";
import { chmod, copyFile, lstat, mkdir, rm, symlink } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { pathNames, type Manifest } from "../../../broker/contract/manifest.ts";
import { JobTroubleError } from "../trouble.ts";
import { isWindowsPath } from "../../../broker/openjd/path-mapping.ts";

export type PathFormat = Manifest["format"];

/** Up to this size a copy costs less than the surprises of a link, bytes. */
const maxCopied = 1024 * 1024;

/** How a path of a parameter is spelled. */
export function formatOf(path: string): PathFormat {
  return isWindowsPath(path) ? "windows" : "posix";
}

/**
 * The names of a path that a person wrote, below a root: like `pathNames`, but doubled slashes and `.` are fine.
 * Null when it is not absolute or goes up.
 */
export function writtenNames(path: string, format: PathFormat = formatOf(path)): string[] | null {
  if (format === "posix") return pathNames(path.replace(/\/(\.?\/)+/g, "/").replace(/\/\.$/, "/"), format);
  const head = /^[\\/]{2}/.exec(path)?.[0] ?? "";
  const rest = path.slice(head.length).replace(/[\\/](\.?[\\/])+/g, "\\");
  return pathNames(head + rest.replace(/[\\/]\.$/, "\\"), format);
}

/** The path at home that these names below the mirror stand for. */
export function homePath(names: readonly string[], format: PathFormat): string {
  if (format === "posix") return `/${names.join("/")}`;
  const [first = "", ...rest] = names;
  if (first === "UNC") return `\\\\${rest.join("\\")}`;
  return rest.length === 0 ? `${first}:\\` : `${first}:\\${rest.join("\\")}`;
}

/** The names of a file below the mirror `root`; null when it lies outside. */
export function namesBelow(root: string, path: string): string[] | null {
  const inside = relative(root, path);
  if (inside === "") return [];
  const names = inside.split(sep);
  return names[0] === ".." || names.some((name) => name === "") ? null : names;
}

/** One comparable text for names; where case does not count, neither does it here. */
export function keyOf(names: readonly string[], format: PathFormat): string {
  const text = names.join("/");
  return format === "windows" ? text.toLowerCase() : text;
}

/** Makes folders below one mirror. */
export interface MirrorFolders {
  /** Makes the folder of these names; every part must be a real folder. Throws a sentence for anything else. */
  make(names: readonly string[]): Promise<string>;
}

/** Folders below `root`, which must exist. Every part is looked at once: a link in the way is never followed. */
export function mirrorFolders(root: string): MirrorFolders {
  const known = new Map<string, Promise<string>>();
  const make = (names: readonly string[]): Promise<string> => {
    if (names.length === 0) return Promise.resolve(root);
    const key = names.join("/");
    const found = known.get(key) ?? step(names);
    known.set(key, found);
    return found;
  };
  async function step(names: readonly string[]): Promise<string> {
    const folder = join(await make(names.slice(0, -1)), names.at(-1) ?? "");
    try {
      await mkdir(folder, { mode: 0o700 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      if (!(await lstat(folder)).isDirectory()) {
        throw new JobTroubleError(
          `The input files cannot be laid out: /${names.join("/")} is a file or a link, and other files are to lie in it. Give them another folder and submit again.`,
        );
      }
    }
    return folder;
  }
  return { make };
}

/**
 * Puts the bytes of `source` at `target`, whose folder exists; what was there goes. Small and executable ones and those
 * that may be written to are copies (sharing their blocks where the file system can), large ones links to the source.
 */
export async function putFile(
  source: string,
  target: string,
  how: { bytes: number; copy: boolean; executable: boolean },
): Promise<"copy" | "link"> {
  await rm(target, { force: true });
  const copy = how.copy || how.executable || how.bytes <= maxCopied || process.platform === "win32";
  if (!copy) {
    try {
      // Shares the blocks and so costs nothing: better than a link, which programs may see through.
      await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
    } catch {
      await rm(target, { force: true });
      await symlink(source, target);
      return "link";
    }
  } else {
    await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  }
  await chmod(target, how.executable ? 0o700 : 0o600);
  return "copy";
}

/** Whether the file system of an empty folder takes names that differ only by case for one. */
export async function foldsCase(folder: string): Promise<boolean> {
  const probe = join(folder, ".tally-Case");
  await mkdir(probe);
  try {
    return await lstat(join(folder, ".TALLY-cASE")).then(
      () => true,
      () => false,
    );
  } finally {
    await rm(probe, { recursive: true });
  }
}

/** Two paths that differ only by case, as lists of names; undefined when there are none. */
export function caseClash(paths: Iterable<readonly string[]>): [string, string] | undefined {
  const seen = new Map<string, string>();
  for (const names of paths) {
    for (let length = names.length; length > 0; length -= 1) {
      const text = `/${names.slice(0, length).join("/")}`;
      const key = text.normalize("NFC").toLowerCase();
      const before = seen.get(key);
      if (before !== undefined && before !== text) return [before, text];
      // Its folders were looked at when it was seen first.
      if (before !== undefined) break;
      seen.set(key, text);
    }
  }
  return undefined;
}
