// Folders as sets: which are above others, which lie below a shared root.
import { dirname, sep } from "node:path";
import type { SharedRoot } from "../contract/system.ts";

/** Folders that one manifest may name as a whole. */
const mostRoots = 1000;

/** True for a folder and everything below it. */
export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** The folders without those that lie in another one of them, in order. */
export function outermost(folders: readonly string[]): string[] {
  const kept: string[] = [];
  const ended = new Map(folders.map((folder) => [folder.endsWith(sep) ? folder : folder + sep, folder]));
  // With the slash at their end, a folder stands right before all that lies in it.
  for (const [, folder] of [...ended].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const last = kept.at(-1);
    if (last === undefined || !isBelow(folder, last)) kept.push(folder);
  }
  return kept;
}

/** The folders of these files as roots of a manifest: when there are too many, the folders above them. */
export function rootsOf(folders: readonly string[]): string[] {
  let roots = outermost(folders);
  while (roots.length > mostRoots) {
    const deepest = Math.max(...roots.map(depth));
    roots = outermost(roots.map((one) => (depth(one) === deepest ? dirname(one) : one)));
  }
  return roots;
}

/** Tells whether a path lies below a folder that all machines see, as this system spells it. */
export function createSharedTest(
  roots: readonly SharedRoot[],
  system: "linux" | "macos" | "windows" = ownSystem(),
): (path: string) => boolean {
  const folders = roots.map((root) => root[system]).filter((one) => one !== undefined);
  return (path) => folders.some((folder) => isBelow(path, folder));
}

function ownSystem(): "linux" | "macos" | "windows" {
  if (process.platform === "win32") return "windows";
  return process.platform === "darwin" ? "macos" : "linux";
}

function depth(path: string): number {
  return path.split(sep).length;
}
