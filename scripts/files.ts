// Lists the files of this clone that people write, without asking git: a downloaded archive has none.
import { readdirSync } from "node:fs";
import { dirname, join } from "node:path";

/** The folder of this clone. */
export const root = dirname(import.meta.dirname);

const ignored = new Set(["node_modules", "dist", "test-output", "__pycache__", "cdk.out", "tally-demo"]);
/** Dot folders that hold tracked files; every other one is a cache or somebody's settings. */
const tracked = new Set([".ci", ".github"]);

/** Paths with `/`, relative to the clone, of the files whose name ends with one of `endings` (all files without any). */
export function sourceFiles(endings: readonly string[] = [], folder = ""): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) {
      if (ignored.has(entry.name) || (entry.name.startsWith(".") && !tracked.has(entry.name))) continue;
      found.push(...sourceFiles(endings, path));
    } else if (entry.isFile() && (endings.length === 0 || endings.some((ending) => path.endsWith(ending)))) {
      found.push(path);
    }
  }
  return found.sort();
}
