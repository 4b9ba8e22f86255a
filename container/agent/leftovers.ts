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
  return ownFolder(join(work, "staging"));
}

/** The path of a folder of this process below `root`; `clearOwned` removes it once the process is dead. */
export function ownFolder(root: string): string {
  const name = `${process.pid}-${Math.random().toString(36).slice(2, 8)}`;
  own.add(name);
  return join(root, name);
}

/**
 * Ends everything that dead agents of this work folder started and removes their sessions. Called at the start of an
 * agent, and by a launcher that saw an agent end. Never fails.
 */
export async function clearLeftovers(work: string): Promise<void> {
  await Promise.all([clearSessions(work), clearOwned(join(work, "staging"))]);
}

/** Removes folders of dead agents. Results that were not sent are lost with them: those frames are rendered again. */
export async function clearOwned(root: string): Promise<void> {
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
