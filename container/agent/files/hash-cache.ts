// Remembers the hashes of files that did not change: one small SQLite file, shared by all programs of a person.
import { mkdirSync, renameSync, rmSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import Database from "better-sqlite3";
import type { FoundFile } from "./scan.ts";

export interface HashCache {
  /** The hash of each file, where it is known for this path, size, modification time and inode. */
  lookUp(files: readonly FoundFile[]): (string | undefined)[];
  /** Keeps hashes, in one transaction; not those of files that were written to in the last two seconds. */
  remember(entries: readonly { file: FoundFile; sha256: string }[]): void;
  close(): void;
}

export interface HashCacheOptions {
  /** Wall time, ms; for tests. */
  now?: () => number;
  /** Most files remembered. */
  maxFiles?: number;
}

const table = `CREATE TABLE IF NOT EXISTS hashes (
  path TEXT NOT NULL PRIMARY KEY,
  bytes INTEGER NOT NULL,
  mtime_ns INTEGER NOT NULL,
  inode INTEGER NOT NULL,
  sha256 BLOB NOT NULL,
  used_at INTEGER NOT NULL
) WITHOUT ROWID`;
const dayMs = 86_400_000;
const keptDays = 90;
/** A file may change again within one tick of its file system's clock and look the same: 2 s on FAT. */
const racyMs = 2000;
const largestInteger = (1n << 63n) - 1n;

/** Where the cache lies unless somebody says otherwise; the plugins look there too. */
export function hashCachePath(): string {
  return join(process.env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "tally", "hashes.db");
}

/**
 * Opens the cache at `path`. It only saves time: a file that is broken is put aside and begun anew, and where it cannot
 * be opened, or somebody else holds it, nothing is known or kept. Never throws. Several processes may have it open.
 */
export function openHashCache(path: string = hashCachePath(), options: HashCacheOptions = {}): HashCache {
  const database = openDatabase(path);
  return database ? cacheOn(database, options) : noCache;
}

const noCache: HashCache = {
  lookUp: (files) => files.map(() => undefined),
  remember() {},
  close() {},
};

type Row = [bytes: bigint, mtimeNs: bigint, inode: bigint, sha256: Buffer, usedAt: bigint];

function cacheOn(database: Database.Database, options: HashCacheOptions): HashCache {
  const now = options.now ?? Date.now;
  const find = database
    .prepare<[string], Row>("SELECT bytes, mtime_ns, inode, sha256, used_at FROM hashes WHERE path = ?")
    .raw()
    .safeIntegers();
  const keep = database.prepare(
    "INSERT OR REPLACE INTO hashes (path, bytes, mtime_ns, inode, sha256, used_at) VALUES (?, ?, ?, ?, ?, ?)",
  );
  const touch = database.prepare("UPDATE hashes SET used_at = ? WHERE path = ?");
  const together = database.transaction((work: () => void) => work());

  return {
    lookUp(files) {
      const at = now();
      const known: (string | undefined)[] = files.map(() => undefined);
      const stale: string[] = [];
      try {
        for (const [index, file] of files.entries()) {
          const row = find.get(file.path);
          if (!row || row[0] !== BigInt(file.bytes) || row[1] !== file.mtimeNs || row[2] !== file.inode)
            continue;
          known[index] = row[3].toString("hex");
          if (Number(row[4]) < at - dayMs) stale.push(file.path);
        }
        if (stale.length > 0)
          together.immediate(() => {
            for (const path of stale) touch.run(at, path);
          });
      } catch (error) {
        ignoreTrouble(error);
      }
      return known;
    },
    remember(entries) {
      const at = now();
      const lastSafe = BigInt(at - racyMs) * 1_000_000n;
      const safe = entries.filter(
        ({ file }) => file.mtimeNs < lastSafe && file.ctimeNs < lastSafe && file.inode <= largestInteger,
      );
      if (safe.length === 0) return;
      try {
        together.immediate(() => {
          for (const { file, sha256 } of safe)
            keep.run(file.path, file.bytes, file.mtimeNs, file.inode, Buffer.from(sha256, "hex"), at);
        });
      } catch (error) {
        ignoreTrouble(error);
      }
    },
    close() {
      try {
        prune(database, now(), options.maxFiles ?? 1_000_000);
      } catch (error) {
        ignoreTrouble(error);
      }
      database.close();
    },
  };
}

/** At most once a day: files not asked for in 90 days go, and the oldest beyond the limit. The day stands in user_version. */
function prune(database: Database.Database, now: number, maxFiles: number): void {
  const day = Math.floor(now / dayMs);
  if (Number(database.pragma("user_version", { simple: true })) >= day) return;
  database.pragma(`user_version = ${day}`);
  database.prepare("DELETE FROM hashes WHERE used_at < ?").run(now - keptDays * dayMs);
  database
    .prepare(
      "DELETE FROM hashes WHERE used_at <= (SELECT used_at FROM hashes ORDER BY used_at DESC LIMIT 1 OFFSET ?)",
    )
    .run(maxFiles);
}

function openDatabase(path: string): Database.Database | undefined {
  for (const isLast of [false, true]) {
    let database: Database.Database | undefined;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      database = new Database(path, { timeout: 3000 });
      database.pragma("journal_mode = WAL");
      database.pragma("synchronous = NORMAL");
      database.exec(table);
      database.prepare("SELECT path, bytes, mtime_ns, inode, sha256, used_at FROM hashes LIMIT 1").get();
      return database;
    } catch (error) {
      database?.close();
      if (isLast || !isBroken(error)) return undefined;
      putAside(path);
    }
  }
  return undefined;
}

/** Kept for whoever wants to know why, but one only. */
function putAside(path: string): void {
  for (const suffix of ["-wal", "-shm"]) rmSync(path + suffix, { force: true });
  try {
    renameSync(path, `${path}.broken`);
  } catch {
    // Somebody else was faster.
  }
}

function isBroken(error: unknown): boolean {
  const code = error instanceof Database.SqliteError ? error.code : "";
  return code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB";
}

/** Somebody else holds it, or it broke meanwhile: the next one will save time again. A mistake of ours is thrown. */
function ignoreTrouble(error: unknown): void {
  if (!(error instanceof Database.SqliteError)) throw error;
}
