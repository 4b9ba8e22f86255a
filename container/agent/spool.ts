// Reports that closed frames, on disk before they are sent, so that neither a crash here nor a broker that is away loses them.
import { mkdirSync, readFileSync, readdirSync, renameSync, rmdirSync, rmSync } from "node:fs";
import { open, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Report } from "../../broker/contract/worker.ts";

/** What is kept of one lease until the broker has all of it. */
export interface SpooledLease {
  leaseId: string;
  token: string;
  reports: Report[];
}

export interface Spool {
  readonly folder: string;
  /** Where the log of a lease lies. */
  logFile(leaseId: string): string;
  /** Keeps the unsent reports of a lease; resolves when they are on the disk. */
  keep(lease: SpooledLease): Promise<void>;
  /** The broker has everything of this lease. */
  forget(leaseId: string): void;
  /** Removes the folder if the broker has everything; else the next agent finds it. */
  close(): void;
}

/** Makes this process's own folder below `<work>/spool`. */
export function createSpool(work: string): Spool {
  const folder = join(work, "spool", `${process.pid}.${Math.random().toString(36).slice(2, 8)}`);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const fileOf = (leaseId: string): string => join(folder, `${leaseId}.json`);
  const kept = new Set<string>();
  return {
    folder,
    logFile: (leaseId) => join(folder, `${leaseId}.log`),
    async keep(lease) {
      const temporary = `${fileOf(lease.leaseId)}.tmp`;
      const handle = await open(temporary, "w", 0o600);
      try {
        await handle.writeFile(JSON.stringify(lease));
        await handle.datasync();
      } finally {
        await handle.close();
      }
      await rename(temporary, fileOf(lease.leaseId));
      kept.add(lease.leaseId);
    },
    forget(leaseId) {
      if (kept.delete(leaseId)) rmSync(fileOf(leaseId), { force: true });
    },
    close() {
      try {
        rmdirSync(folder);
      } catch {
        // Something in it still waits for the broker.
      }
    },
  };
}

/** Takes over what agents that are no longer alive left below `<work>/spool`; each entry belongs to one taker alone. */
export function adoptSpool(
  work: string,
  own: Spool,
): { lease: SpooledLease; logFile: string; done: () => void }[] {
  const root = join(work, "spool");
  const entries: { lease: SpooledLease; logFile: string; done: () => void }[] = [];
  for (const name of readdirSync(root)) {
    const pid = Number(/^(\d+)\./.exec(name)?.[1]);
    if (!Number.isInteger(pid) || name === basename(own.folder) || isAlive(pid)) continue;
    const folder = join(own.folder, `from-${name}`);
    try {
      // Two agents may start at once: whoever renames it has it.
      renameSync(join(root, name), folder);
    } catch {
      continue;
    }
    const found = readEntries(folder);
    let left = found.length;
    const done = (): void => {
      left -= 1;
      if (left <= 0) rmSync(folder, { recursive: true, force: true });
    };
    if (left === 0) done();
    entries.push(...found.map((entry) => ({ ...entry, done })));
  }
  return entries;
}

function readEntries(folder: string): { lease: SpooledLease; logFile: string }[] {
  // A folder that was adopted and not finished may lie inside: its agent died too.
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return readEntries(path);
    if (!entry.name.endsWith(".json")) return [];
    try {
      const lease = JSON.parse(readFileSync(path, "utf8")) as SpooledLease;
      return [{ lease, logFile: path.replace(/\.json$/, ".log") }];
    } catch {
      return []; // Half written by a crash: it was never promised to anybody.
    }
  });
}

/** Whether the agent with this process number runs. In a container it is 1 every time: then the former one is dead. */
export function isAlive(pid: number): boolean {
  if (pid === process.pid) return pid !== 1;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
