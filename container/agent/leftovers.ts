// What an agent that was killed left behind: its processes are ended and its session folders removed.
import { readFileSync, readdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { platform } from "./platform/platform.ts";
import { isAlive } from "./spool.ts";

/** The folder of sessions of one agent process below its work folder. */
export function sessionsFolder(work: string): string {
  return join(work, "s");
}

/**
 * Ends everything that dead agents of this work folder started and removes their sessions. Called at the start of an
 * agent, and by a launcher that saw an agent end. Never fails.
 */
export async function clearLeftovers(work: string): Promise<void> {
  const root = sessionsFolder(work);
  let names: string[];
  try {
    names = readdirSync(root);
  } catch {
    return;
  }
  for (const name of names) {
    const folder = join(root, name);
    const owner = Number(/^(\d+)-/.exec(name)?.[1]);
    if (!Number.isInteger(owner) || isAlive(owner)) continue;
    const marker = readMarker(folder);
    if (marker !== undefined) await platform.killMarked(marker, []).catch(() => {});
    await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
}

function readMarker(folder: string): string | undefined {
  try {
    return readFileSync(join(folder, "marker"), "utf8");
  } catch {
    return undefined;
  }
}
