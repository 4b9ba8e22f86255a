// The bytes of input files on this machine: shared by all agents of a work folder, bounded, least recently used goes first.
import { randomBytes } from "node:crypto";
import { appendFileSync, chmodSync, mkdirSync, renameSync, statfsSync, utimesSync } from "node:fs";
import { lstat, readdir, readFile, rename, rm, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { BlobRef } from "../../../broker/contract/blob.ts";
import { isAlive } from "../spool.ts";
import { eachOf } from "./lanes.ts";

const GIB = 1024 ** 3;
const MOST_BY_DEFAULT = 20 * GIB;
const SHARE_OF_FREE = 0.1;
/** Other agents fill the cache too: what is known of its size is looked up again after this time. */
const LOOK_AGAIN_MS = 60_000;
/** A mark that nobody renewed for so long was left by a machine that went down. */
const MARK_LIMIT_MS = 60_000;
const RENEW_MARK_MS = 10_000;
const ODD_FILE_LIMIT_MS = 24 * 3_600_000;
const AT_ONCE = 32;
/**
 * When every entry says it was last written, seconds: an entry with another time was changed by somebody. Their time of
 * reading is when they were used last.
 */
const WRITTEN_AT = 1_000_000_000;

/** Names of this very process: in a container the one before it had its number. */
const own = new Set<string>();

/** Brings blobs that are not here: each whole to `target`, then `arrived`. */
export type FetchBlobs = (
  missing: readonly BlobRef[],
  target: (blob: BlobRef) => string,
  arrived: (blob: BlobRef, path: string) => void,
) => Promise<void>;

export interface ContentCache {
  readonly maxBytes: number;
  /** Begins to use entries; nothing that is held by one who is alive is removed. */
  hold(): CacheHold;
}

export interface CacheHold {
  /**
   * Makes sure that all of these are here and stay until `release`; those that are missing, or were changed, are fetched.
   * @throws what `fetch` throws, and Error with one sentence when the disk is full.
   */
  take(blobs: readonly BlobRef[], fetch: FetchBlobs): Promise<void>;
  /** Where an entry lies that was taken. */
  path(sha256: string): string;
  /** Only these are still needed. */
  keepOnly(sha256s: ReadonlySet<string>): Promise<void>;
  /** Nothing is needed any more. Never fails. */
  release(): Promise<void>;
}

/** A tenth of the disk's free space, at most 20 GiB, bytes. */
export function defaultCacheBytes(folder: string): number {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return Math.min(MOST_BY_DEFAULT, Math.floor(bavail * bsize * SHARE_OF_FREE));
  } catch {
    return MOST_BY_DEFAULT;
  }
}

/** Opens the cache in `folder`, which is made when the first blob is held. `maxBytes` 0 keeps nothing that is unused. */
export function openCache(folder: string, maxBytes: number): ContentCache {
  const holds = join(folder, "holds");
  const incoming = join(folder, "incoming");
  let known: { bytes: number; at: number } | undefined;
  let removing: Promise<unknown> = Promise.resolve();

  const pathOf = (sha256: string): string => join(folder, sha256.slice(0, 2), sha256);
  const newName = (): string => `${process.pid}-${randomBytes(4).toString("hex")}`;

  /** Whether the process behind a name such as `123-abcd` still uses it. In a container a number comes again. */
  function isInUse(name: string): boolean {
    const pid = Number(/^(\d+)-/.exec(name)?.[1]);
    return pid === process.pid ? own.has(name) : Number.isInteger(pid) && isAlive(pid);
  }

  async function listAll(): Promise<Entry[]> {
    const entries: Entry[] = [];
    for (const name of await namesIn(folder)) {
      if (!/^[0-9a-f]{2}$/.test(name)) continue;
      const inside = join(folder, name);
      await eachOf(await namesIn(inside), AT_ONCE, async (file) => {
        const path = join(inside, file);
        const found = await lstat(path).catch(() => undefined);
        if (found === undefined) return;
        if (/^[0-9a-f]{64}$/.test(file))
          entries.push({ sha256: file, bytes: found.size, usedAt: found.atimeMs });
        else if (Date.now() - found.mtimeMs > ODD_FILE_LIMIT_MS) await rm(path, { force: true });
      });
    }
    known = { bytes: entries.reduce((sum, { bytes }) => sum + bytes, 0), at: performance.now() };
    return entries;
  }

  async function heldByAnybody(): Promise<Set<string>> {
    const held = new Set<string>();
    for (const name of await namesIn(holds)) {
      const file = join(holds, name);
      if (!isInUse(name)) await rm(file, { force: true });
      else for (const sha256 of (await textOf(file)).split("\n")) held.add(sha256);
    }
    return held;
  }

  /** Removes what was not used for longest until at most `target` bytes are left. One at a time in this process. */
  function shrink(target: number): Promise<void> {
    const next = removing.then(async () => {
      const entries = (await listAll()).toSorted((a, b) => a.usedAt - b.usedAt);
      let left = known?.bytes ?? 0;
      for (const name of await namesIn(incoming)) {
        if (!isInUse(name)) await rm(join(incoming, name), { recursive: true, force: true });
      }
      if (left <= target) return;
      // Whoever begins to hold something now sees this mark and waits, or is seen here: nobody misses the other.
      const mark = newName();
      const marked = join(folder, `removing-${mark}`);
      own.add(mark);
      await writeFile(marked, "", { mode: 0o600 });
      const renewing = setInterval(() => {
        const now = new Date();
        utimes(marked, now, now).catch(() => {});
      }, RENEW_MARK_MS);
      try {
        const held = await heldByAnybody();
        for (const { sha256, bytes } of entries) {
          if (left <= target) break;
          if (held.has(sha256)) continue;
          await unlink(pathOf(sha256)).catch(() => {});
          left -= bytes;
        }
      } finally {
        clearInterval(renewing);
        own.delete(mark);
        await rm(marked, { force: true });
      }
      known = { bytes: left, at: performance.now() };
    });
    removing = next.catch(() => {});
    return next;
  }

  async function untilNobodyRemoves(): Promise<void> {
    for (;;) {
      const marks = (await namesIn(folder)).filter((name) => name.startsWith("removing-"));
      const live = await Promise.all(
        marks.map(async (name) => {
          const path = join(folder, name);
          const age = await stat(path).then(
            ({ mtimeMs }) => Date.now() - mtimeMs,
            () => Number.POSITIVE_INFINITY,
          );
          if (age < MARK_LIMIT_MS && isInUse(name.slice("removing-".length))) return true;
          await rm(path, { force: true });
          return false;
        }),
      );
      if (!live.includes(true)) return;
      await pause(5);
    }
  }

  async function isGood({ sha256, bytes }: BlobRef): Promise<boolean> {
    const path = pathOf(sha256);
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined) return false;
    if (!found.isFile() || found.size !== bytes || found.mtimeMs !== WRITTEN_AT * 1000) {
      await rm(path, { recursive: true, force: true });
      return false;
    }
    await utimes(path, Date.now() / 1000, WRITTEN_AT).catch(() => {});
    return true;
  }

  function enter(blob: BlobRef, path: string): void {
    const target = pathOf(blob.sha256);
    mkdirSync(join(folder, blob.sha256.slice(0, 2)), { recursive: true, mode: 0o700 });
    // On Windows a file that is read-only cannot be removed.
    if (process.platform !== "win32") chmodSync(path, 0o400);
    utimesSync(path, Date.now() / 1000, WRITTEN_AT);
    renameSync(path, target);
    if (known !== undefined) known.bytes += blob.bytes;
  }

  function hold(): CacheHold {
    const name = newName();
    const file = join(holds, name);
    const arriving = join(incoming, name);
    let begun = false;

    function begin(): void {
      if (begun) return;
      begun = true;
      own.add(name);
      mkdirSync(holds, { recursive: true, mode: 0o700 });
    }

    async function fetchInto(missing: readonly BlobRef[], fetch: FetchBlobs): Promise<void> {
      const needed = missing.reduce((sum, { bytes }) => sum + bytes, 0);
      if (known === undefined || performance.now() - known.at > LOOK_AGAIN_MS) await listAll();
      if ((known?.bytes ?? 0) + needed > maxBytes) await shrink(Math.max(0, maxBytes - needed));
      mkdirSync(arriving, { recursive: true, mode: 0o700 });
      try {
        await fetch(missing, ({ sha256 }) => join(arriving, sha256), enter);
      } finally {
        await rm(arriving, { recursive: true, force: true });
      }
    }

    return {
      async take(blobs, fetch) {
        begin();
        const all = [...new Map(blobs.map((blob) => [blob.sha256, blob])).values()];
        appendFileSync(file, all.map(({ sha256 }) => `${sha256}\n`).join(""), { mode: 0o600 });
        await untilNobodyRemoves();
        const missingOf = async (): Promise<BlobRef[]> => {
          const missing: BlobRef[] = [];
          await eachOf(all, AT_ONCE, async (blob) => {
            if (!(await isGood(blob))) missing.push(blob);
          });
          return missing;
        };
        let missing = await missingOf();
        if (missing.length === 0) return;
        try {
          await fetchInto(missing, fetch);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
          // What nobody uses goes, whatever the limit says; then once more.
          await shrink(0);
          missing = await missingOf();
          await fetchInto(missing, fetch);
        }
      },
      path: pathOf,
      async keepOnly(sha256s) {
        if (!begun) return;
        const temporary = join(folder, `${name}.hold`);
        await writeFile(temporary, [...sha256s, ""].join("\n"), { mode: 0o600 });
        await rename(temporary, file);
      },
      async release() {
        if (!begun) return;
        begun = false;
        own.delete(name);
        await rm(file, { force: true }).catch(() => {});
        if (known !== undefined && known.bytes > maxBytes) await shrink(maxBytes).catch(() => {});
      },
    };
  }

  return { maxBytes, hold };
}

interface Entry {
  sha256: string;
  bytes: number;
  usedAt: number;
}

async function namesIn(folder: string): Promise<string[]> {
  return await readdir(folder).catch(() => []);
}

async function textOf(file: string): Promise<string> {
  return await readFile(file, "utf8").catch(() => "");
}
