// What an agent that was killed left behind: its processes are ended and its session folders removed.
import { readFileSync, readdirSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { platform } from "./platform/platform.ts";
import { isAlive } from "./spool.ts";

/** The folder of sessions of one agent process below its work folder. */
export function sessionsFolder(work: string): string {
  return join(work, "s");
}

/** Folders of this very process: in a container the one before it had its number. */
const own = new Set<string>();

/** A new folder of this process for results that are to be sent. */
export function ownStaging(work: string): string {
  const name = `${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  own.add(name);
  return join(work, "staging", name);
}

/**
 * Ends everything that dead agents of this work folder started and removes their sessions. Called at the start of an
 * agent, and by a launcher that saw an agent end. Never fails.
 */
export async function clearLeftovers(work: string): Promise<void> {
  await Promise.all([clearSessions(work), clearStaging(join(work, "staging"))]);
}

/** What was not sent is lost with its agent: its frames are rendered again. */
async function clearStaging(root: string): Promise<void> {
  for (const name of await readdir(root).catch(() => [])) {
    const owner = Number(/^(\d+)-/.exec(name)?.[1]);
    if (!Number.isInteger(owner) || own.has(name) || isAlive(owner)) continue;
    await rm(join(root, name), { recursive: true, force: true }).catch(() => {});
  }
}

async function clearSessions(work: string): Promise<void> {
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
