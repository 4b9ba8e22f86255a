// The path mapping rules of a session, as its tools use them: where the artist's scene and pictures lie here.
import { readFile } from "node:fs/promises";
import { posix, resolve, win32 } from "node:path";
import { pathNames } from "../../../broker/contract/manifest.ts";
import {
  isWindowsPath,
  mapPath,
  parsePathMappingRules,
  type PathMappingRule,
} from "../../../broker/openjd/path-mapping.ts";

/** Reads a session's rules file; "" and a file that holds `{}` mean no rules. @throws Error with a sentence. */
export async function readRules(path: string): Promise<PathMappingRule[]> {
  if (path === "") return [];
  const text = await readFile(path, "utf8");
  return text.trim() === "{}" ? [] : parsePathMappingRules(text);
}

/**
 * Words about files of this machine, with the names that the artist knows.
 * @param original the scene's path at home: of the spellings of a shared folder, the one that it has is the artist's.
 */
export function atHome(words: string, original: string, rules: readonly PathMappingRule[]): string {
  return rules
    .filter((rule) => rule.sourcePath !== rule.destinationPath && leadsHome(rule, original))
    .toSorted((a, b) => b.destinationPath.length - a.destinationPath.length)
    .reduce((text, { sourcePath, destinationPath }) => text.replaceAll(destinationPath, sourcePath), words);
}

/** The folders of a session keep the artist's names; any other rule is the artist's where the scene's path begins so. */
function leadsHome(rule: PathMappingRule, original: string): boolean {
  const { sourcePath, sourcePathFormat, destinationPath } = rule;
  const names = pathNames(sourcePath, sourcePathFormat === "WINDOWS" ? "windows" : "posix");
  const kept = destinationPath.split(/[\\/]/);
  if (names !== null && names.every((name, index) => kept[kept.length - names.length + index] === name))
    return true;
  return mapPath(original, [rule]) !== original;
}

/**
 * Where a renderer should believe that the scene lies, so that its relative paths are right: below the session's own
 * folder when the rules cover the original's folder, and at the original's place when only the file itself was sent.
 * @param scene the file that is read, for originals of another system that no rule covers.
 */
export function placeOfScene(original: string, scene: string, rules: readonly PathMappingRule[]): string {
  const windows = isWindowsPath(original);
  if (!windows && !posix.isAbsolute(original)) return resolve(original);
  const paths = windows ? win32 : posix;
  const folder = paths.dirname(original);
  const mapped = mapPath(folder, rules);
  if (mapped === folder) return windows && process.platform !== "win32" ? scene : original;
  return resolve(mapped, paths.basename(original));
}
