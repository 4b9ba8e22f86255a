// Lays a job's input files out in a session's mirror: fetched when they are not on this machine, checked, never through a link.
import { lstat, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { BlobRef } from "../../../broker/contract/blob.ts";
import {
  manifestProblems,
  manifestSchema,
  pathNames,
  type Manifest,
} from "../../../broker/contract/manifest.ts";
import type { LeaseInputs } from "../../../broker/contract/worker.ts";
import { mapPath, type PathMappingRule } from "../../../broker/openjd/path-mapping.ts";
import type { BlobFolder } from "./blob-folder.ts";
import type { CacheHold } from "./cache.ts";
import { eachOf } from "./lanes.ts";
import { BlobDamagedError, BlobMissingError } from "./file-errors.ts";
import type { Layout } from "./layout.ts";
import { caseClash, foldsCase, formatOf, homePath, mirrorFolders, putFile, writtenNames } from "./mirror.ts";
import { isDiskTrouble, JobTroubleError } from "../trouble.ts";
import type { Progress } from "./progress.ts";

const AT_ONCE = 8;
const SAY_EVERY_MS = 5000;
/** A shared folder whose server does not answer must not hold a worker for ever. */
const SHARED_LIMIT_MS = 60_000;

/** Fetches blobs that are not on this machine; see `fetchBlobs`. */
export type Fetch = (
  blobs: readonly BlobRef[],
  target: (blob: BlobRef) => string,
  options: { onBlob: (blob: BlobRef, path: string) => void; onProgress: (progress: Progress) => void },
) => Promise<void>;

/** Where bytes come from, and who hears about it. */
export interface Source {
  hold: CacheHold;
  /** The broker's own blobs, when this worker sees them. */
  blobs: BlobFolder | undefined;
  fetch: Fetch;
  signal: AbortSignal;
  /** One line for the log. */
  say: (line: string) => void;
}

/** One file of the mirror. */
export interface Wanted extends BlobRef {
  names: string[];
  /** What the person calls it. */
  home: string;
  executable: boolean;
  /** A copy of its own: a task may write to it. */
  copy: boolean;
}

/** Reads a job's list of input files. Throws Error with one sentence when it is damaged or names what no list may name. */
export async function readManifest(blob: BlobRef, source: Source): Promise<Manifest> {
  const at = await bringBlobs([blob], source);
  const text = await readFile(at(blob.sha256), "utf8");
  let manifest: Manifest;
  try {
    manifest = manifestSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new JobTroubleError("The list of this job's input files is damaged. Submit the job again.", error);
  }
  const [problem] = manifestProblems(manifest);
  if (problem !== undefined) {
    throw new JobTroubleError(
      `The list of this job's input files cannot be used: ${problem} Submit the job again.`,
    );
  }
  return manifest;
}

/** The files that a step needs: those of no group and of the parameters that it uses, without what earlier steps made anew. */
export function wantedOf(
  manifest: Manifest | null,
  upstream: LeaseInputs["items"],
  needs: readonly string[],
  layout: Layout,
): { files: Wanted[]; folders: string[][] } {
  const needed = ({ group }: { group?: string | undefined }): boolean =>
    group === undefined || needs.includes(group);
  const files = new Map<string, Wanted>();
  const folders: string[][] = [...layout.folders];
  if (manifest !== null) {
    for (const file of manifest.files.filter((it) => needed(it))) {
      const names = pathNames(file.path, manifest.format) ?? [];
      files.set(names.join("/"), {
        ...refOf(file),
        names,
        home: file.path,
        executable: file.executable === true,
        copy: layout.isWritable(names, file.group),
      });
    }
    for (const folder of manifest.folders.filter((it) => needed(it))) {
      folders.push(pathNames(folder.path, manifest.format) ?? []);
    }
  }
  for (const file of upstream) {
    const names = writtenNames(file.name, formatOf(file.name));
    // The broker took no such name; a worker does not rely on that.
    if (names === null || names.length === 0)
      throw new JobTroubleError(`"${file.name}" is no full path of a file.`);
    const executable = file.executable === true;
    const copy = layout.isWritable(names, undefined);
    files.set(names.join("/"), { ...refOf(file), names, home: file.name, executable, copy });
  }
  return { files: [...files.values()], folders };
}

function refOf({ sha256, bytes }: BlobRef): BlobRef {
  return { sha256, bytes };
}

/**
 * Puts files and folders below `root`, an existing folder. `placed` remembers what lies there already: those files are
 * left as they are. @returns the hashes that links still need.
 * @throws Error with one sentence: two names that this file system takes for one, a full disk, bytes that cannot be had.
 */
export async function placeFiles(
  root: string,
  wanted: { files: readonly Wanted[]; folders: readonly (readonly string[])[] },
  placed: Set<string>,
  source: Source,
): Promise<Set<string>> {
  const linked = new Set<string>();
  const files = wanted.files.filter(({ names }) => !placed.has(names.join("/")));
  try {
    await refuseClashes(root, files, placed);
    const folders = mirrorFolders(root);
    for (const names of wanted.folders) await folders.make(names);
    for (const { names } of files) await folders.make(names.slice(0, -1));
    const at = await bringBlobs(files, source);
    await eachOf(files, AT_ONCE, async (file) => {
      source.signal.throwIfAborted();
      const { names, bytes, copy, executable } = file;
      const target = join(root, ...names);
      if (await isFolder(target)) {
        throw new JobTroubleError(
          `The input files cannot be laid out: ${file.home} is a file, and other files lie in a folder of that name. Submit the job again without one of them.`,
        );
      }
      const how = await putFile(at(file.sha256), target, { bytes, copy, executable });
      if (how === "link") linked.add(file.sha256);
      placed.add(names.join("/"));
    });
  } catch (error) {
    throw inWords(error, root, files);
  }
  return linked;
}

async function refuseClashes(
  root: string,
  files: readonly Wanted[],
  placed: ReadonlySet<string>,
): Promise<void> {
  if (files.length + placed.size < 2 || !(await foldsCase(root))) return;
  const before = [...placed].map((path) => path.split("/"));
  const clash = caseClash([...before, ...files.map(({ names }) => names)]);
  if (clash === undefined) return;
  const [one, other] = clash.map((path) => {
    const found = files.find(({ names }) => `/${names.join("/")}`.startsWith(path));
    return homePath(path.slice(1).split("/"), found === undefined ? "posix" : formatOf(found.home));
  });
  throw new Error(
    `This worker's disk takes ${one} and ${other} for the same file. Give one of them another name and submit again, or let a worker on Linux render this job.`,
  );
}

/** Makes sure that blobs are on this machine. @returns where each lies. */
async function bringBlobs(blobs: readonly BlobRef[], source: Source): Promise<(sha256: string) => string> {
  const here = new Map<string, string>();
  const rest = new Map<string, BlobRef>();
  await eachOf([...new Map(blobs.map((it) => [it.sha256, it])).values()], AT_ONCE, async (blob) => {
    source.signal.throwIfAborted();
    const path = await source.blobs?.find(blob);
    if (path !== undefined) here.set(blob.sha256, path);
    else rest.set(blob.sha256, refOf(blob));
  });
  if (rest.size > 0) {
    await source.hold.take([...rest.values()], (missing, target, onBlob) =>
      source.fetch(missing, target, { onBlob, onProgress: sayProgress(source.say) }),
    );
  }
  return (sha256) => here.get(sha256) ?? source.hold.path(sha256);
}

/** A line every few seconds while a fetch is long. `now`: ms that never jump. */
export function sayProgress(
  say: (line: string) => void,
  now: () => number = () => performance.now(),
): (progress: Progress) => void {
  let last = now();
  return ({ doneFiles, doneBytes, totalFiles, totalBytes }) => {
    if (now() - last < SAY_EVERY_MS) return;
    last = now();
    const left = sizeText(Math.max(0, totalBytes - doneBytes));
    say(`tally: Fetching input files: ${grouped(doneFiles)} of ${grouped(totalFiles)}, ${left} left`);
  };
}

/**
 * Looks at the files of shared folders where this worker sees them.
 * @throws Error with one sentence that names the file and the folder.
 */
export async function checkShared(
  manifest: Manifest,
  needs: readonly string[],
  rules: readonly PathMappingRule[],
): Promise<void> {
  const files = manifest.shared.filter(({ group }) => group === undefined || needs.includes(group));
  const { promise: late, reject } = Promise.withResolvers<never>();
  const limit = setTimeout(() => {
    reject(
      new Error(
        "A shared folder does not answer on this worker. Look whether it is mounted there and its server is up.",
      ),
    );
  }, SHARED_LIMIT_MS);
  const look = eachOf(files, AT_ONCE, async ({ path, bytes }) => {
    const here = mapPath(path, rules);
    if (here === path && (formatOf(path) === "windows") !== (process.platform === "win32")) {
      throw new Error(
        `This worker does not know where ${path} is. Write this system's spelling of that shared folder into sharedRoots in tally.yaml.`,
      );
    }
    const size = await stat(here).then(
      (found) => (found.isFile() ? found.size : -1),
      () => -1,
    );
    const where = rules.find(({ sourcePath }) => path.startsWith(sourcePath));
    const folder = where === undefined ? "" : ` in the shared folder ${where.destinationPath}`;
    if (size < 0) {
      throw new Error(
        `The file ${here}${folder} is not there for this worker. Look whether the folder is mounted on it, and whether the file is still there.`,
      );
    }
    if (size !== bytes) {
      throw new JobTroubleError(
        `The file ${here}${folder} has ${grouped(size)} bytes, not the ${grouped(bytes)} that it had at submit. Submit the job again.`,
      );
    }
  });
  try {
    await Promise.race([look, late]);
  } finally {
    clearTimeout(limit);
  }
}

function inWords(error: unknown, root: string, files: readonly Wanted[]): unknown {
  if (error instanceof BlobDamagedError || error instanceof BlobMissingError) {
    const home = files.find(({ sha256 }) => sha256 === error.sha256)?.home ?? "of this job";
    const what =
      error instanceof BlobDamagedError ? "arrives damaged on this worker" : "is no longer at the broker";
    return new JobTroubleError(
      `The input file ${home} ${what}. Submit the job again, so that it is sent anew.`,
      error,
    );
  }
  const { code, path } = error as NodeJS.ErrnoException;
  if (isDiskTrouble(error) && code !== "EIO" && code !== "EROFS") {
    return new Error(
      `The disk of this worker is full: its input files do not fit below ${root}. Free some space there, or give the worker a folder on another disk with --work.`,
      { cause: error },
    );
  }
  if (typeof code !== "string") return error;
  if (code === "ENAMETOOLONG" || code === "EINVAL") {
    return new Error(`This worker's disk does not take the name ${path ?? "of an input file"}. Shorten it.`, {
      cause: error,
    });
  }
  return error;
}

async function isFolder(path: string): Promise<boolean> {
  return await lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

const grouped = (count: number): string => count.toLocaleString("en-US");

function sizeText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  const step = bytes < 1024 ? 0 : Math.min(4, Math.floor(Math.log2(bytes) / 10));
  return step === 0 ? `${bytes} bytes` : `${(bytes / 1024 ** step).toFixed(1)} ${units[step]}`;
}
