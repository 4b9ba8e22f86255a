// Applies the numbered SQL files in order, each in its own transaction with foreign keys off (a table rebuild under
// foreign keys would cascade and lose child rows), and refuses a database that is newer than this program.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Database } from "better-sqlite3";

const fileName = /^(\d{4})_[a-z0-9_]+\.sql$/;

/** Brings `db` to the newest schema found in `folder`; returns its number. Throws an Error with a plain sentence. */
export function migrate(db: Database, folder: string): number {
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .toSorted();
  files.forEach((name, index) => {
    const match = fileName.exec(name);
    if (!match || Number(match[1]) !== index + 1)
      throw new Error(`The migration ${name} is out of sequence.`);
  });
  const before = Number(db.pragma("user_version", { simple: true }));
  if (before > files.length) {
    throw new Error(
      `This data folder was written by a newer Tally (schema ${before}, this one knows ${files.length}). Start the newer version, or use another data folder.`,
    );
  }
  db.exec(
    "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL) STRICT, WITHOUT ROWID",
  );
  const texts = files.map((name) => readFileSync(join(folder, name), "utf8"));
  refuseOtherBuild(db, files.slice(0, before), texts);
  db.pragma("foreign_keys = OFF");
  for (const [index, name] of files.entries()) {
    if (index < before) continue;
    const sql = texts[index] as string;
    db.transaction(() => {
      db.exec(sql);
      db.prepare("INSERT INTO migrations (name, sha256) VALUES (?, ?)").run(name, hashOf(sql));
      const broken = db.pragma("foreign_key_check") as unknown[];
      if (broken.length > 0)
        throw new Error(`The migration ${name} would break ${broken.length} references.`);
      db.pragma(`user_version = ${index + 1}`);
    }).immediate();
  }
  db.pragma("foreign_keys = ON");
  return files.length;
}

const hashOf = (sql: string) => createHash("sha256").update(sql).digest("hex");

/** A migration never changes once it was applied anywhere: a folder that had another text has another schema. */
function refuseOtherBuild(db: Database, applied: readonly string[], texts: readonly string[]): void {
  const known = db.prepare("SELECT sha256 FROM migrations WHERE name = ?").pluck();
  for (const [index, name] of applied.entries()) {
    if (known.get(name) === hashOf(texts[index] as string)) continue;
    throw new Error(
      `This data folder was made by another build of Tally (its ${name} was different). Start with another folder (--data), or move this one away; its jobs stay in it.`,
    );
  }
}
