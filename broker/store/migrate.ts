// Applies the numbered SQL files in order, each in its own transaction with foreign keys off (a table rebuild under
// foreign keys would cascade and lose child rows), and refuses a database that is newer than this program.
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
  db.pragma("foreign_keys = OFF");
  for (const [index, name] of files.entries()) {
    if (index < before) continue;
    const sql = readFileSync(join(folder, name), "utf8");
    db.transaction(() => {
      db.exec(sql);
      const broken = db.pragma("foreign_key_check") as unknown[];
      if (broken.length > 0)
        throw new Error(`The migration ${name} would break ${broken.length} references.`);
      db.pragma(`user_version = ${index + 1}`);
    }).immediate();
  }
  db.pragma("foreign_keys = ON");
  return files.length;
}
