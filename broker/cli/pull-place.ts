// Where a result file goes: its own place at home, or below a folder that was asked for; never anywhere else.
import { dirname, join, resolve, sep } from "node:path";
import { pathNames, type Manifest } from "../contract/manifest.ts";
import type { Artifact } from "../contract/attempt.ts";
import type { JobDetail } from "../contract/job.ts";
import { Failure } from "./failure.ts";
import { tally } from "./own-name.ts";

type Format = Manifest["format"];

/** A full file name on this machine, or a sentence why there is none. */
export type Place = { path: string } | { problem: string };

/** How a home name is spelled: a drive or a share is Windows', a slash at the start is not. */
export function formatOf(name: string): Format {
  return /^(?:[A-Za-z]:[\\/]|\\\\)/.test(name) ? "windows" : "posix";
}

/**
 * Makes the function that tells where a file of this job goes, absolute; a sentence where it may go nowhere.
 * `to`: a folder instead of home, which keeps the folders below the one that all results share.
 */
export function createPlaces(
  job: JobDetail,
  files: readonly Pick<Artifact, "name">[],
  to?: string,
  here: Format = process.platform === "win32" ? "windows" : "posix",
): (file: Pick<Artifact, "name" | "outside">) => Place {
  const base = to === undefined ? [] : sharedFolder(job, files);
  return (file) => {
    const format = formatOf(file.name);
    const names = pathNames(file.name, format);
    if (names === null)
      return { problem: `"${file.name}" is no full name of a file, so it is not brought here.` };
    if (to !== undefined) return { path: below(resolve(to), names, base) };
    if (file.outside)
      return {
        problem: `${file.name} is not below a folder that job ${job.number} may write to. To have it elsewhere: ${tally(`pull ${job.number} --to FOLDER`)}`,
      };
    if (format !== here) {
      const system = format === "windows" ? "Windows" : "another system";
      throw new Failure(
        `The files of job ${job.number} belong to ${system}, such as ${file.name}. Say where they should go here: ${tally(`pull ${job.number} --to FOLDER`)}`,
      );
    }
    return { path: file.name };
  };
}

/** Parts of the folder that the results of a job share: as the job says it, so that it stays the same while they come. */
function sharedFolder(job: JobDetail, files: readonly Pick<Artifact, "name">[]): string[] {
  const { outputPattern, settings } = job;
  if (outputPattern !== null) return (pathNames(outputPattern, formatOf(outputPattern)) ?? []).slice(0, -1);
  const { outputFolders } = settings;
  const folders =
    outputFolders.length > 0
      ? outputFolders.map((folder) => pathNames(folder, formatOf(folder)) ?? [])
      : files.map(({ name }) => (pathNames(name, formatOf(name)) ?? []).slice(0, -1));
  return folders.reduce((all, one) => all.slice(0, sameStart(all, one)), folders[0] ?? []);
}

/** What a name has in common with the shared folder goes; the rest are folders below `to`. */
function below(to: string, names: readonly string[], base: readonly string[]): string {
  const rest = names.slice(Math.min(sameStart(names, base), names.length - 1));
  const path = join(to, ...rest);
  // Names have no slash and no "..", so this holds; it is looked at all the same.
  if (!path.startsWith(to.endsWith(sep) ? to : to + sep)) throw new Failure(`${path} is not below ${to}.`);
  return path;
}

function sameStart(a: readonly string[], b: readonly string[]): number {
  const at = a.findIndex((name, index) => name !== b[index]);
  return at < 0 ? a.length : at;
}

/** The folders that these files lie in, the one with most files first. */
export function foldersOf(paths: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const path of paths) counts.set(dirname(path), (counts.get(dirname(path)) ?? 0) + 1);
  return [...counts].toSorted(([, a], [, b]) => b - a).map(([folder]) => folder);
}
