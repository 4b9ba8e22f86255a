// Decides where a job's paths lie on this worker: rules from home to mirror, folders to make, folders to watch.
import { dirname, join } from "node:path";
import type { Manifest } from "../../../broker/contract/manifest.ts";
import type { StepScript } from "../../../broker/contract/worker.ts";
import { mapPath, type PathMappingRule } from "../../../broker/openjd/path-mapping.ts";
import { formatOf, keyOf, writtenNames, type PathFormat } from "./mirror.ts";

/** A place where a task may write: all below a folder, the files right in it, or one file. */
export interface Watched {
  path: string;
  kind: "tree" | "folder" | "file";
  /** How its home is spelled. */
  format: PathFormat;
}

export interface Layout {
  /** Most important first: of two for the same path the first one counts. */
  rules: PathMappingRule[];
  /** Names of folders that must be there. */
  folders: string[][];
  watched: Watched[];
  /** Whether a task may write there: then it gets a copy, never a link. */
  isWritable: (names: readonly string[], group: string | undefined) => boolean;
  /** What a person should know, one sentence each. */
  notes: string[];
}

export interface LayoutOptions {
  /** The mirror's folder on this machine. */
  root: string;
  script: Pick<StepScript, "parameters" | "outputs" | "filesInPlace" | "sharedRoots">;
  manifest: Manifest | null;
  /** Home names of the results of earlier steps. */
  upstream: readonly string[];
  osFamily: "linux" | "macos" | "windows";
  /** Whether a path is there on this machine. */
  exists: (path: string) => boolean;
}

/** The rules and folders of one step. Pure but for `exists`. */
export function layOut(options: LayoutOptions): Layout {
  const { root, script, manifest } = options;
  const rules = new Map<string, PathMappingRule>();
  const folders: string[][] = [];
  const watched: Watched[] = [];
  const notes: string[] = [];
  const list = (): PathMappingRule[] => [...rules.values()];
  const add = (format: PathFormat, source: string, names: readonly string[], destination?: string): void => {
    const key = `${format}:${keyOf(names, format)}`;
    if (rules.has(key)) return;
    rules.set(key, {
      sourcePathFormat: format === "windows" ? "WINDOWS" : "POSIX",
      sourcePath: source,
      destinationPath: destination ?? join(root, ...names),
    });
  };

  const shared = sharedRules(script.sharedRoots, options.osFamily);
  const cover = coverageOf(manifest);
  const upstream = upstreamFolders(options.upstream);
  for (const { text, names, format } of upstream) add(format, text, names);
  if (manifest !== null) {
    const { format } = manifest;
    const roots = manifest.roots.flatMap((text) => {
      const names = writtenNames(text, format);
      return names === null ? [] : [{ text, names, key: `${keyOf(names, format)}/` }];
    });
    for (const { text, names } of roots) {
      add(format, text, names);
      folders.push(names);
    }
    for (const { path } of [...manifest.files, ...manifest.folders]) {
      const names = writtenNames(path, format) ?? [];
      const key = `${keyOf(names, format)}/`;
      if (!roots.some((it) => it.key === "/" || key.startsWith(it.key))) add(format, path, names);
    }
  }

  const writable: { key: string; format: PathFormat; tree: boolean }[] = [];
  const writtenGroups = new Set<string>();
  const outputs = new Set(script.outputs.map(({ parameter }) => parameter));
  const left = new Set<string>();
  for (const { parameter, path, objectType, dataFlow } of script.outputs) {
    const format = formatOf(path);
    const names = writtenNames(path, format);
    if (dataFlow === "INOUT" && !cover.has(parameter, names, format)) {
      left.add(path);
      continue;
    }
    if (names === null || names.length === 0) {
      const what = parameter === "" ? "A folder for results" : `The parameter ${parameter}`;
      notes.push(
        `${what} is no full path of a folder ("${path.slice(0, 200)}"): what is written there does not come home. Give its full path and submit again.`,
      );
      continue;
    }
    add(format, path, names);
    const tree = objectType === "DIRECTORY";
    writable.push({ key: keyOf(names, format), format, tree });
    if (dataFlow === "INOUT") writtenGroups.add(parameter);
    const mirrored = join(root, ...names);
    folders.push(tree ? names : names.slice(0, -1));
    if (tree) watched.push({ path: mirrored, kind: "tree", format });
    else if (dataFlow === "INOUT") watched.push({ path: mirrored, kind: "file", format });
    // Tools write logs and pieces beside their file; all of it belongs to the task.
    else watched.push({ path: dirname(mirrored), kind: "folder", format });
  }

  for (const [name, { type, value }] of Object.entries(script.parameters)) {
    if (type !== "PATH" || (outputs.has(name) && !left.has(value))) continue;
    const format = formatOf(value);
    const names = writtenNames(value, format);
    if (names === null || cover.has(name, names, format)) continue;
    const key = `${keyOf(names, format)}/`;
    const here = mapPath(value, shared);
    // What was submitted without a list of files may be meant to be read where it lies.
    const stays =
      script.filesInPlace || cover.shares(names, format) || (manifest === null && options.exists(here));
    const results = options.upstream.length > 0 && upstreamIn(options.upstream, key, format);
    if (mapPath(value, list()) !== value) {
      // A wider rule caught it. What earlier steps made is meant to be; what lies here by itself is not.
      if (!results && stays) add(format, value, names, here);
    } else if (results && !stays && names.length > 0) add(format, value, names);
  }
  for (const rule of shared) {
    const format = rule.sourcePathFormat === "WINDOWS" ? "windows" : "posix";
    const names = writtenNames(rule.sourcePath, format);
    // A rule from a folder to itself is only needed where a wider one would catch it.
    const idle =
      rule.sourcePath === rule.destinationPath && mapPath(rule.sourcePath, list()) === rule.sourcePath;
    if (names !== null && !idle) add(format, rule.sourcePath, names, rule.destinationPath);
  }

  return {
    rules: list(),
    folders,
    watched,
    notes,
    isWritable(names, group) {
      if (group !== undefined && writtenGroups.has(group)) return true;
      return writable.some(({ key, format, tree }) => {
        const own = keyOf(names, format);
        return own === key || (tree && own.startsWith(`${key}/`));
      });
    },
  };
}

/** From every system's spelling of a shared folder to this system's. */
export function sharedRules(
  roots: StepScript["sharedRoots"],
  osFamily: LayoutOptions["osFamily"],
): PathMappingRule[] {
  return roots.flatMap((root) => {
    const own = root[osFamily];
    if (own === undefined) return [];
    return (["linux", "macos", "windows"] as const).flatMap((family) => {
      const text = root[family];
      if (text === undefined) return [];
      const sourcePathFormat = family === "windows" ? ("WINDOWS" as const) : ("POSIX" as const);
      return [{ sourcePathFormat, sourcePath: text, destinationPath: own }];
    });
  });
}

/** Tells whether the manifest has something at, above or below a path, or for a parameter. */
function coverageOf(manifest: Manifest | null): {
  has(parameter: string, names: readonly string[] | null, format: PathFormat): boolean;
  /** Whether files of a shared folder lie there. */
  shares(names: readonly string[], format: PathFormat): boolean;
} {
  if (manifest === null) return { has: () => false, shares: () => false };
  const { format } = manifest;
  const entries = [...manifest.files, ...manifest.folders];
  const groups = new Set(entries.map(({ group }) => group));
  const keys = (texts: readonly string[]): string[] =>
    texts.map((text) => `${keyOf(writtenNames(text, format) ?? [], format)}/`);
  const roots = keys(manifest.roots);
  let all: string[] | undefined;
  return {
    has(parameter, names, other) {
      if (groups.has(parameter)) return true;
      if (names === null || other !== format) return false;
      const key = `${keyOf(names, format)}/`;
      if (roots.some((it) => it === "/" || key.startsWith(it))) return true;
      all ??= [...roots, ...keys(entries.map(({ path }) => path))];
      return all.some((it) => it.startsWith(key));
    },
    shares(names, other) {
      if (other !== format) return false;
      const key = `${keyOf(names, format)}/`;
      return keys(manifest.shared.map(({ path }) => path)).some((it) => it.startsWith(key));
    },
  };
}

/** The folders that hold these files, without those that lie in another one. */
function upstreamFolders(files: readonly string[]): { text: string; names: string[]; format: PathFormat }[] {
  const found = new Map<string, { text: string; names: string[]; format: PathFormat; key: string }>();
  for (const file of files) {
    const format = formatOf(file);
    const text = file.replace(format === "windows" ? /[\\/][^\\/]*$/ : /\/[^/]*$/, "");
    const seen = `${format}:${text}`;
    if (found.has(seen)) continue;
    const names = writtenNames(text === "" ? "/" : text, format);
    // A result right below a drive or the root gives no folder that could be mapped as a whole.
    if (names === null || names.length < (format === "windows" ? 2 : 1)) continue;
    found.set(seen, { text, names, format, key: `${keyOf(names, format)}/` });
  }
  const sorted = [...found.values()].toSorted((a, b) => a.key.length - b.key.length);
  const kept: typeof sorted = [];
  for (const one of sorted) {
    if (!kept.some((it) => it.format === one.format && one.key.startsWith(it.key))) kept.push(one);
  }
  return kept;
}

function upstreamIn(files: readonly string[], key: string, format: PathFormat): boolean {
  return files.some((file) => {
    if (formatOf(file) !== format) return false;
    const names = writtenNames(file, format);
    return names !== null && `${keyOf(names, format)}/`.startsWith(key);
  });
}
