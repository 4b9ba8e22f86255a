// Finds what a task wrote: looks at the folders it may write to before and after, and takes what is new or changed.
import { constants, type BigIntStats } from "node:fs";
import { copyFile, lstat, mkdir, readdir, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { isDiskTrouble } from "../trouble.ts";
import type { Watched } from "./layout.ts";
import { homePath, namesBelow } from "./mirror.ts";

/** More than this is no result any more but an accident. */
export const mostCollected = 100_000;

/** A file that a task made, and where it belongs at home. */
export interface CollectedFile {
  path: string;
  name: string;
  bytes: number;
  executable: boolean;
}

export interface Collector {
  /** What lies there now counts as known: it is not taken. */
  begin(): Promise<void>;
  /**
   * Copies every file that is new or changed since the last look into `target`, which is made when there are any.
   * What is left out is told to `say`, a line each. Throws Error with one sentence when it cannot be copied.
   */
  collect(target: string, say: (line: string) => void): Promise<CollectedFile[]>;
}

interface Seen {
  bytes: bigint;
  mtimeNs: bigint;
  inode: bigint;
  link: boolean;
  watched: Watched;
}

/** Watches places below the mirror `root`. */
export function createCollector(root: string, watched: readonly Watched[]): Collector {
  let before = new Map<string, Seen>();
  let takes = 0;

  return {
    async begin() {
      before = await lookAt(watched, () => {});
    },
    async collect(target, say) {
      const now = await lookAt(watched, say);
      const fresh = [...now].filter(([path, seen]) => isChanged(before.get(path), seen));
      before = now;
      const folder = join(target, `outputs-${(takes += 1)}`);
      const files: CollectedFile[] = [];
      for (const [path, seen] of fresh) {
        const names = namesBelow(root, path);
        if (names === null) continue;
        const name = homePath(names, seen.watched.format);
        const source = seen.link ? await linkedFile(root, path) : path;
        if (source === undefined) {
          say(`tally: ${name} is a link that leads to no file of this task's folders. It was left out.`);
          continue;
        }
        const copy = join(folder, ...names);
        try {
          await mkdir(join(copy, ".."), { recursive: true, mode: 0o700 });
          // Never a hard link: the task may write to its file again.
          await copyFile(source, copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
          const { size, mode } = await lstat(copy);
          files.push({ path: copy, name, bytes: size, executable: (mode & 0o111) !== 0 });
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code === "ENOENT") {
            say(`tally: ${name} was removed again before it could be taken. It was left out.`);
            continue;
          }
          await rm(folder, { recursive: true, force: true });
          const why = isDiskTrouble(error)
            ? `the disk of this worker is full or broken. Free some space below ${target}, and requeue the frame`
            : (error as Error).message;
          throw new Error(`${name} could not be kept: ${why}.`, { cause: error });
        }
      }
      return files;
    },
  };
}

function isChanged(before: Seen | undefined, now: Seen): boolean {
  return (
    before === undefined ||
    before.bytes !== now.bytes ||
    before.mtimeNs !== now.mtimeNs ||
    before.inode !== now.inode
  );
}

async function lookAt(watched: readonly Watched[], say: (line: string) => void): Promise<Map<string, Seen>> {
  const seen = new Map<string, Seen>();
  const note = (path: string, found: BigIntStats, one: Watched): void => {
    if (seen.has(path)) return;
    if (found.isFile() || found.isSymbolicLink()) {
      seen.set(path, {
        bytes: found.size,
        mtimeNs: found.mtimeNs,
        inode: found.ino,
        link: found.isSymbolicLink(),
        watched: one,
      });
    } else if (!found.isDirectory()) say(`tally: ${path} is no file that could be kept. It was left out.`);
    if (seen.size > mostCollected) {
      throw new Error(
        `The task's folders hold more than ${mostCollected.toLocaleString("en-US")} files. Write fewer, or pack them into one file.`,
      );
    }
  };
  for (const one of watched) {
    const queue = [one.path];
    for (let folder = queue.pop(); folder !== undefined; folder = queue.pop()) {
      if (one.kind === "file") {
        const found = await lstat(folder, { bigint: true }).catch(() => undefined);
        if (found !== undefined) note(folder, found, one);
        continue;
      }
      // A folder that a task replaced by a link is not followed.
      const own = await lstat(folder).catch(() => undefined);
      if (own === undefined || !own.isDirectory()) continue;
      for (const name of await readdir(folder).catch(() => [])) {
        const path = join(folder, name);
        const found = await lstat(path, { bigint: true }).catch(() => undefined);
        if (found === undefined) continue;
        if (found.isDirectory() && one.kind === "tree") queue.push(path);
        else note(path, found, one);
      }
    }
  }
  return seen;
}

/** The file that a link means, when it lies in the mirror itself. */
async function linkedFile(root: string, path: string): Promise<string | undefined> {
  try {
    const [target, top] = await Promise.all([realpath(path), realpath(root)]);
    const names = namesBelow(top, target);
    return names !== null && names.length > 0 && (await lstat(target)).isFile() ? target : undefined;
  } catch {
    return undefined;
  }
}
