// Writes schema.sql: the whole schema as the migrations leave it, so that a review sees what a migration changes.
import { join } from "node:path";
import Database from "better-sqlite3";
import { migrate } from "./migrate.ts";

/** Every table and index of a new database, as SQL. */
export function schemaText(): string {
  const db = new Database(":memory:");
  try {
    const version = migrate(db, join(import.meta.dirname, "migrations"));
    const parts = db
      .prepare(
        "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY tbl_name, type DESC, name",
      )
      .pluck()
      .all() as string[];
    return `-- Schema ${version}, generated from migrations/ by npm run gen. Do not change it here.\n\n${parts.map((sql) => `${sql};`).join("\n\n")}\n`;
  } finally {
    db.close();
  }
}

/** The files this makes. */
export function generate(): Record<string, string> {
  return { "broker/store/schema.sql": schemaText() };
}
