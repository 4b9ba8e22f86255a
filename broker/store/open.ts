// Opens the one database of a data folder: the folder's lock, the writer and the read-only connection.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { migrate } from "./migrate.ts";

export interface Databases {
  writer: Database.Database;
  /** Read-only, its own connection: it never sees rows that are not committed. */
  reader: Database.Database;
  schemaVersion: number;
  path: string;
  close(): void;
}

/** Another broker holds the data folder. */
export class FolderInUseError extends Error {
  constructor(folder: string) {
    super(
      `Another Tally broker already uses the data folder ${folder}. Use that one, stop it with \`tally stop\`, or give this one its own folder with --data.`,
    );
    this.name = "FolderInUseError";
  }
}

/** Opens (and creates) `folder`. Throws FolderInUseError, or an Error with a plain sentence. */
export function openDatabases(folder: string, migrations: string): Databases {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const lock = takeLock(folder);
  try {
    const path = join(folder, "tally.db");
    const writer = new Database(path);
    writer.pragma("journal_mode = WAL");
    writer.pragma("synchronous = FULL");
    writer.pragma("busy_timeout = 5000");
    writer.pragma("wal_autocheckpoint = 4000");
    writer.pragma("cache_size = -16000");
    // Savepoints keep a journal of their own; in a temporary file it would cost a write for every page they touch.
    writer.pragma("temp_store = MEMORY");
    const schemaVersion = migrate(writer, migrations);
    assertPragma(writer, "journal_mode", "wal");
    assertPragma(writer, "synchronous", 2);
    assertPragma(writer, "foreign_keys", 1);
    const check = writer.pragma("quick_check(1)", { simple: true });
    if (check !== "ok") {
      throw new Error(
        `The database ${path} is damaged (${String(check)}). Restore your newest backup; nothing was changed.`,
      );
    }
    const reader = new Database(path, { readonly: true });
    reader.pragma("query_only = ON");
    reader.pragma("cache_size = -8000");
    return {
      writer,
      reader,
      schemaVersion,
      path,
      close() {
        reader.close();
        writer.close();
        lock.close();
      },
    };
  } catch (error) {
    lock.close();
    throw error;
  }
}

/** An exclusive transaction on a file of its own, held as long as the process lives: the kernel drops it on any death. */
function takeLock(folder: string): Database.Database {
  const lock = new Database(join(folder, "lock.db"), { timeout: 0 });
  try {
    lock.exec("BEGIN EXCLUSIVE");
    return lock;
  } catch (error) {
    lock.close();
    if (error instanceof Database.SqliteError && error.code.startsWith("SQLITE_BUSY"))
      throw new FolderInUseError(folder);
    throw error;
  }
}

function assertPragma(db: Database.Database, name: string, wanted: string | number): void {
  const value = db.pragma(name, { simple: true });
  if (value !== wanted)
    throw new Error(`SQLite did not take ${name} = ${wanted} (it says ${String(value)}).`);
}
