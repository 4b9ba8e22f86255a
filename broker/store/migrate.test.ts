// The schema: its migrations in order, what drizzle believes of it, and its whole text, committed.
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { getTableColumns, getTableName, is } from "drizzle-orm";
import { SQLiteTable } from "drizzle-orm/sqlite-core";
import { expect, onTestFinished, test } from "vitest";
import { jobStates, taskStates, attemptStates, workerStates, jobIntents, roles } from "../contract/states.ts";
import { migrate } from "./migrate.ts";
import * as schema from "./schema.ts";
import { schemaText } from "./schema.gen.ts";

const migrations = join(import.meta.dirname, "migrations");

function folderOf(files: Record<string, string>, base = false): string {
  const folder = mkdtempSync(join(tmpdir(), "tally-migrate-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  if (base) cpSync(migrations, folder, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  return folder;
}

function database(): Database.Database {
  const db = new Database(":memory:");
  onTestFinished(() => void db.close());
  return db;
}

test("applies what is missing, in order, and nothing twice", () => {
  const db = database();
  const one = folderOf({ "0001_a.sql": "CREATE TABLE a (x INTEGER) STRICT;" });
  expect(migrate(db, one)).toBe(1);
  expect(migrate(db, one)).toBe(1);
  writeFileSync(join(one, "0002_b.sql"), "ALTER TABLE a ADD COLUMN y INTEGER;");
  expect(migrate(db, one)).toBe(2);
  expect(db.pragma("user_version", { simple: true })).toBe(2);
  expect(db.pragma("foreign_keys", { simple: true })).toBe(1);
});

test.each([
  ["a gap", { "0001_a.sql": "", "0003_c.sql": "" }, "0003_c.sql"],
  ["two of one number", { "0001_a.sql": "", "0001_b.sql": "" }, "0001_b.sql"],
  ["a name that is none", { "0001_a.sql": "", "2_b.sql": "" }, "2_b.sql"],
])("refuses %s and changes nothing", (_, files, named) => {
  const db = database();
  expect(() => migrate(db, folderOf(files))).toThrow(`${named} is out of sequence`);
  expect(db.pragma("user_version", { simple: true })).toBe(0);
});

test("a data folder whose migrations had another text is refused with a sentence, nothing changed", () => {
  const db = database();
  migrate(db, folderOf({ "0001_a.sql": "CREATE TABLE a (x INTEGER) STRICT;" }));
  const other = folderOf({
    "0001_a.sql": "CREATE TABLE a (x INTEGER, y INTEGER) STRICT;",
    "0002_b.sql": "CREATE TABLE b (x INTEGER) STRICT;",
  });
  expect(() => migrate(db, other)).toThrow(
    /^This data folder was made by another build of Tally \(its 0001_a\.sql was different\)\. Start with another folder/,
  );
  expect(db.pragma("user_version", { simple: true })).toBe(1);
});

test("refuses a database of a newer version with a sentence", () => {
  const db = database();
  db.pragma("user_version = 9000");
  expect(() => migrate(db, migrations)).toThrow(
    /^This data folder was written by a newer Tally \(schema 9000, this one knows \d+\)\. Start the newer/,
  );
});

test("a migration that fails leaves the schema as it was, whole", () => {
  const db = database();
  const folder = folderOf({
    "0001_a.sql": "CREATE TABLE a (x INTEGER) STRICT;",
    "0002_b.sql": "CREATE TABLE b (x INTEGER) STRICT; CREATE TABLE a (x INTEGER) STRICT;",
  });
  expect(() => migrate(db, folder)).toThrow("already exists");
  expect(db.pragma("user_version", { simple: true })).toBe(1);
  expect(db.prepare("SELECT name FROM sqlite_master").pluck().all()).toEqual(["migrations", "a"]);
});

test("a migration that would break references is refused", () => {
  const db = database();
  const folder = folderOf({
    "0001_a.sql":
      "CREATE TABLE p (id INTEGER PRIMARY KEY) STRICT; CREATE TABLE c (p INTEGER REFERENCES p (id)) STRICT; INSERT INTO p VALUES (1); INSERT INTO c VALUES (1);",
    "0002_b.sql": "DELETE FROM p;",
  });
  expect(() => migrate(db, folder)).toThrow("0002_b.sql would break 1 references");
  expect(db.prepare("SELECT count(*) FROM p").pluck().get()).toBe(1);
});

test("drizzle's tables are those of the migrations", () => {
  const db = database();
  migrate(db, migrations);
  const tables = Object.values(schema).filter((one) => is(one, SQLiteTable));
  expect(tables.length).toBeGreaterThan(5);
  for (const table of tables) {
    const name = getTableName(table);
    const real = new Map(
      (db.pragma(`table_info(${name})`) as { name: string; type: string; notnull: number; pk: number }[]).map(
        (column) => [column.name, column],
      ),
    );
    for (const column of Object.values(getTableColumns(table))) {
      const found = real.get(column.name);
      expect(found, `${name}.${column.name}`).toBeDefined();
      expect(column.getSQLType().toUpperCase(), `${name}.${column.name}`).toBe(found?.type);
      const notNull = found?.notnull === 1 || found?.pk === 1;
      expect(column.notNull || column.primary, `${name}.${column.name} not null`).toBe(notNull);
    }
  }
});

test("the CHECK constraints know the states of the contract, no more and no less", () => {
  const db = database();
  migrate(db, migrations);
  const listed = (table: string, column: string) => {
    const sql = db.prepare("SELECT sql FROM sqlite_master WHERE name = ?").pluck().get(table) as string;
    const list = new RegExp(`\\n  ${column} [^\\n]*CHECK \\(${column} IN \\(([^)]*)\\)`).exec(sql)?.[1] ?? "";
    return list.split(", ").map((word) => word.slice(1, -1));
  };
  expect(listed("tasks", "state")).toEqual([...taskStates]);
  expect(listed("attempts", "state")).toEqual([...attemptStates]);
  expect(listed("workers", "state")).toEqual([...workerStates]);
  expect(listed("jobs", "state")).toEqual([...jobStates]);
  expect(listed("jobs", "intent")).toEqual([...jobIntents]);
  expect(listed("tokens", "role")).toEqual([...roles]);
});

test("the committed schema.sql is what the migrations make", () => {
  expect(readFileSync(join(import.meta.dirname, "schema.sql"), "utf8")).toBe(schemaText());
});
