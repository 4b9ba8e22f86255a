// The one writer: nobody acknowledged is lost, nobody lost is acknowledged, whatever happens to the group.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, onTestFinished, test } from "vitest";
import { Problem } from "../contract/problem.ts";
import { systemClock } from "../domain/ports.ts";
import { createWriter, type Tx } from "./tx.ts";

function setUp() {
  const folder = mkdtempSync(join(tmpdir(), "tally-tx-"));
  const path = join(folder, "t.db");
  const db = new Database(path);
  db.pragma("journal_mode = WAL");
  db.pragma("synchronous = FULL");
  db.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE) STRICT");
  const reader = new Database(path, { readonly: true });
  onTestFinished(() => {
    reader.close();
    db.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    db,
    reader,
    writer: createWriter(db, systemClock),
    words: () => reader.prepare("SELECT word FROM t ORDER BY id").pluck().all() as string[],
  };
}
const add = (word: string) => (tx: Tx) => tx.run("INSERT INTO t (word) VALUES (?)", word).id;

test("a change is acknowledged only after COMMIT, and others see it only then", async () => {
  const { db, writer, words } = setUp();
  let seen: string[] | undefined;
  const written = writer.write((tx) => {
    add("a")(tx);
    seen = words();
  });
  expect(seen).toEqual([]);
  expect(db.inTransaction).toBe(true);
  let acknowledged = false;
  void written.then(() => (acknowledged = true));
  await Promise.resolve();
  expect(acknowledged).toBe(false);
  await written;
  expect(db.inTransaction).toBe(false);
  expect(words()).toEqual(["a"]);
});

test("many changes share one COMMIT", async () => {
  const { writer, words } = setUp();
  let commits = 0;
  writer.onCommit(() => commits++);
  await Promise.all(["a", "b", "c"].map((word) => writer.write(add(word))));
  expect([words(), commits]).toEqual([["a", "b", "c"], 1]);
});

test("an error in one leaves its neighbours, and what it did before the error is gone", async () => {
  const { writer, words } = setUp();
  const effects: string[] = [];
  const results = await Promise.allSettled([
    writer.write(add("a")),
    writer.write((tx) => {
      add("half")(tx);
      tx.after(() => effects.push("half"));
      throw new Problem("conflict", "No.");
    }),
    writer.write((tx) => {
      tx.after(() => effects.push("c"));
      return add("c")(tx);
    }),
    writer.write(add("a")),
  ]);
  expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
  expect(words()).toEqual(["a", "c"]);
  expect(effects).toEqual(["c"]);
});

test("effects run after COMMIT and before the answer", async () => {
  const { db, writer } = setUp();
  const order: string[] = [];
  await writer
    .write((tx) => {
      tx.after(() => order.push(`effect, open: ${db.inTransaction}`));
      order.push("change");
    })
    .then(() => order.push("answer"));
  expect(order).toEqual(["change", "effect, open: false", "answer"]);
});

/** Lets the database grow by a few pages more and no further. */
function limitPages(db: Database.Database, more: number): void {
  const pages = db.pragma("page_count", { simple: true }) as number;
  db.pragma(`max_page_count = ${pages + more}`);
}

test("a full database (SQLITE_FULL) loses nobody who was acknowledged and acknowledges nobody who was lost", async () => {
  const { db, writer, words } = setUp();
  await writer.write(add("before"));
  limitPages(db, 6);
  const asked = Array.from(
    { length: 20 },
    (_, index) => `${index}-${"x".repeat(index % 5 === 4 ? 60_000 : 10)}`,
  );
  const results = await Promise.allSettled(asked.map((word) => writer.write(add(word))));
  const acknowledged = asked.filter((_, index) => results[index]?.status === "fulfilled");
  expect(words()).toEqual(["before", ...acknowledged]);
  expect(acknowledged).toHaveLength(16);
  for (const result of results) {
    if (result.status === "rejected") expect(result.reason).toMatchObject({ code: "storage-full" });
  }
  db.pragma("max_page_count = 1000000");
  await writer.write(add("after"));
  expect(words().at(-1)).toBe("after");
});

test("a lost group tells its listeners, who may write at once", async () => {
  const { db, writer, words } = setUp();
  const listened: Promise<unknown>[] = [];
  let lost = 0;
  writer.onLost(() => {
    lost++;
    listened.push(writer.write((tx) => tx.all("SELECT count(*) FROM t")));
  });
  limitPages(db, 4);
  const results = await Promise.allSettled([
    writer.write(add("a")),
    writer.write(add("x".repeat(60_000))),
    writer.write(add("b")),
  ]);
  expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  await Promise.all(listened);
  expect(lost).toBe(1);
  expect(words()).toEqual(["a", "b"]);
});

test("effects that write are no trouble to neighbours that are tried again alone", async () => {
  const { db, writer, words } = setUp();
  limitPages(db, 4);
  const more: Promise<unknown>[] = [];
  const results = await Promise.allSettled([
    writer.write((tx) => {
      add("a")(tx);
      tx.after(() => more.push(writer.write(add("from an effect"))));
    }),
    writer.write(add("b")),
    writer.write(add("x".repeat(60_000))),
  ]);
  expect(results.map((result) => result.status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
  await Promise.all(more);
  expect(more).toHaveLength(1);
  expect(words()).toEqual(["a", "b", "from an effect"]);
});

test("when COMMIT itself fails, each is tried again alone and only then answered", async () => {
  const { db, writer, words } = setUp();
  db.exec("CREATE TABLE parent (id INTEGER PRIMARY KEY) STRICT");
  db.exec("CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED) STRICT");
  db.pragma("foreign_keys = ON");
  const results = await Promise.allSettled([
    writer.write(add("a")),
    // A deferred reference is looked at by COMMIT alone: it takes the whole group with it.
    writer.write((tx) => tx.run("INSERT INTO child VALUES (99)")),
    writer.write(add("b")),
  ]);
  expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(words()).toEqual(["a", "b"]);
});

test("a writer that is closed commits what is open and refuses what comes later", async () => {
  const { writer, words } = setUp();
  const open = writer.write(add("a"));
  writer.close();
  await open;
  await expect(writer.write(add("b"))).rejects.toMatchObject({ code: "busy" });
  expect(words()).toEqual(["a"]);
});

test("what runs last runs once a key, within the change, and goes with it when it throws", async () => {
  const { writer, words } = setUp();
  await writer.write((tx) => {
    for (const word of ["x", "y", "x"]) tx.last(word, () => add(`last ${word}`)(tx));
    add("first")(tx);
  });
  expect(words()).toEqual(["first", "last x", "last y"]);
  const failed = writer.write((tx) => {
    add("gone")(tx);
    tx.last("z", () => {
      throw new Problem("conflict", "no");
    });
  });
  await expect(failed).rejects.toThrow("no");
  expect(words()).toEqual(["first", "last x", "last y"]);
});
