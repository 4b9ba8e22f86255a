// The schema: its migrations in order, what drizzle believes of it, and its whole text, committed.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

test("a pause for workers: every row of the version before stays, drained ones stay drained, numbers go on", () => {
  const db = database();
  const before = folderOf({}, true);
  const names = readdirSync(before).toSorted();
  const from = names.findIndex((name) => name.endsWith("_worker_pause.sql"));
  for (const name of names.slice(from)) rmSync(join(before, name));
  migrate(db, before);
  const states = ["idle", "busy", "draining", "stopped", "lost"];
  db.exec(`
    INSERT INTO tokens (hash, role, name, created_at) VALUES (zeroblob(32), 'worker', 'farm', 1);
    INSERT INTO launches (pool, token_id, started_at) VALUES ('local', 1, 1);
    INSERT INTO jobs (name, owner, priority, intent, state, task_count, labels, settings, parameters, template, environments, created_at)
      VALUES ('shot', 'ana', 50, 'run', 'running', 1, '{}', '{}', '{}', '', '[]', 1);
    INSERT INTO steps (job_id, idx, name, task_count, chunking, requirements, session_key, running) VALUES (1, 0, 'render', 1, 'none', '{}', 'k', 1);
    INSERT INTO tasks (step_id, ordinal, rank, state) VALUES (1, 0, 0, 'running');
  `);
  const insert = db.prepare(
    `INSERT INTO workers (id, name, pool, token_id, launch_id, state, os_family, agent_version, amounts, attributes, blenders, registered_at, ended_at)
     VALUES (?, ?, 'local', 1, 1, ?, 'linux', '1', '{}', '{}', '[]', 7, ?)`,
  );
  states.forEach((state, index) =>
    insert.run(index + 1, `${state} one`, state, /stopped|lost/.test(state) ? 8 : null),
  );
  insert.run(90, "the newest", "stopped", 8);
  db.exec("DELETE FROM workers WHERE id = 90");
  db.exec(`
    INSERT INTO leases (worker_id, step_id, opened_at) SELECT id, 1, 7 FROM workers;
    INSERT INTO attempts (lease_id, step_id, ordinal, generation, state, created_at) VALUES (2, 1, 0, 1, 'started', 7);
    INSERT INTO events (at, kind) VALUES (1, 'worker.changed');
  `);
  const tables = db
    .prepare(
      "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'migrations'",
    )
    .pluck()
    .all() as string[];
  const rows = () =>
    Object.fromEntries(tables.map((name) => [name, db.prepare(`SELECT * FROM ${name}`).all() as object[]]));
  const old = rows();
  migrate(db, migrations);
  const now = rows();
  for (const name of tables) expect(now[name], name).toMatchObject(old[name] as object[]);
  expect(db.prepare("SELECT intent FROM workers ORDER BY id").pluck().all()).toEqual([
    "run",
    "run",
    "drain",
    "run",
    "run",
  ]);
  expect(db.pragma("foreign_key_check")).toEqual([]);
  const another = db.prepare(
    `INSERT INTO workers (name, pool, token_id, state, os_family, agent_version, amounts, attributes, blenders, registered_at)
     VALUES ('x', 'local', 1, ?, 'linux', '1', '{}', '{}', '[]', 9)`,
  );
  expect(another.run("paused").lastInsertRowid).toBe(91);
  expect(() => another.run("sleeping")).toThrow("CHECK");
  expect(() => db.exec("DELETE FROM workers WHERE id = 1"), "leases still name their worker").toThrow(
    "FOREIGN KEY",
  );
});
