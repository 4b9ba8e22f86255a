// Which files this process has open, for tests that nothing stays open. Linux tells; elsewhere there is nothing to ask.
import { readdirSync, readlinkSync } from "node:fs";

/** Whether such a question can be answered here. */
export const canListOpenFiles = process.platform === "linux";

/** Full names of this process's open files below a folder. */
export function openFilesBelow(folder: string): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const path = readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(folder) ? [path] : [];
    } catch {
      // Closed since it was listed.
      return [];
    }
  });
}
