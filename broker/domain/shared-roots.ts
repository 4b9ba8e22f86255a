// Folders that all machines see, each system in its own spelling: the same file under the name it has on this one.
import type { SharedRoot } from "../contract/system.ts";
import { mapPath, type PathMappingRule } from "../openjd/path-mapping.ts";

export type System = "linux" | "macos" | "windows";
const systems = ["linux", "macos", "windows"] as const;

/** This machine's system, as shared roots name it. */
export const systemOf = (platform: string): System =>
  platform === "win32" ? "windows" : platform === "darwin" ? "macos" : "linux";

/** A path under the name that `system` has for it; what lies below no shared root stays as it is. */
export function localName(path: string, roots: readonly SharedRoot[], system: System): string {
  const rules: PathMappingRule[] = [];
  for (const root of roots) {
    const destinationPath = root[system];
    if (destinationPath === undefined) continue;
    for (const other of systems) {
      const sourcePath = root[other];
      if (other === system || sourcePath === undefined || sourcePath === destinationPath) continue;
      const sourcePathFormat = other === "windows" ? "WINDOWS" : "POSIX";
      rules.push({ sourcePathFormat, sourcePath, destinationPath });
    }
  }
  return rules.length === 0 ? path : mapPath(path, rules);
}
