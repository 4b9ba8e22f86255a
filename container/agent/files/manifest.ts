// Writes the list of a job's input files, the same whoever writes it: merged, without doubles, in order.
import type { ManifestInput } from "../../../broker/contract/manifest.ts";
import type { Found, FoundFile } from "./scan.ts";

/** Files that belong together: those of one template parameter (`group`), or of none. `roots` appear as a whole. */
export interface ManifestPart {
  group?: string;
  found: Pick<Found, "files" | "emptyFolders">;
  roots: readonly string[];
}

interface Grouped {
  path: string;
  group?: string;
}

/** A file below a shared root, which the worker reads there. */
export interface SharedFile {
  path: string;
  bytes: number;
  group?: string;
}

/**
 * The manifest of a job, spelled as this machine spells its paths. A file of two parts is named once, and then belongs
 * to no group, so that every step fetches it. `sha256sOf` is asked once for each file.
 */
export function buildManifest(
  parts: readonly ManifestPart[],
  sha256sOf: (file: FoundFile) => string,
  shared: readonly SharedFile[] = [],
): ManifestInput {
  const files = new Map<string, ManifestInput["files"][number]>();
  const folders = new Map<string, Grouped>();
  const elsewhere = new Map<string, SharedFile>();
  for (const { group, found } of parts) {
    for (const file of found.files) {
      const { path, bytes, executable } = file;
      merge(files, path, group, () => ({
        path,
        sha256: sha256sOf(file),
        bytes,
        ...(executable && { executable: true as const }),
      }));
    }
    for (const path of found.emptyFolders) merge<Grouped>(folders, path, group, () => ({ path }));
  }
  for (const { path, bytes, group } of shared)
    merge<SharedFile>(elsewhere, path, group, () => ({ path, bytes }));
  const roots = new Set(parts.flatMap((part) => part.roots));
  return {
    version: 1,
    format: process.platform === "win32" ? "windows" : "posix",
    roots: [...roots].toSorted(byCodePoint),
    files: inOrder(files),
    folders: inOrder(folders),
    shared: inOrder(elsewhere),
  };
}

/** The manifest as it is stored. */
export function manifestBytes(manifest: ManifestInput): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(manifest));
}

function merge<T extends { path: string; group?: string | undefined }>(
  all: Map<string, T>,
  path: string,
  group: string | undefined,
  make: () => T,
): void {
  const there = all.get(path);
  if (there === undefined) all.set(path, group === undefined ? make() : { ...make(), group });
  else if (there.group !== group) delete there.group;
}

function inOrder<T extends { path: string }>(all: ReadonlyMap<string, T>): T[] {
  return [...all.values()].toSorted((a, b) => byCodePoint(a.path, b.path));
}

/** The order of UTF-8, and of Python: that of UTF-16 differs above U+FFFF. */
export function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  let at = 0;
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at++;
  if (at === length) return a.length - b.length;
  const [left, right] = [a.charCodeAt(at), b.charCodeAt(at)];
  const [isLeftPair, isRightPair] = [isSurrogate(left), isSurrogate(right)];
  if (isLeftPair !== isRightPair) return isLeftPair ? 1 : -1;
  return left - right;
}

function isSurrogate(unit: number): boolean {
  return unit >= 0xd800 && unit <= 0xdfff;
}
