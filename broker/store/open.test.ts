// The data folder: one broker each, and a database that keeps its promises.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { FolderInUseError, openDatabases } from "./open.ts";

const migrations = join(import.meta.dirname, "migrations");

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "tally-open-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

test("the database is durable at every COMMIT and holds to its references", () => {
  const open = openDatabases(folder(), migrations);
  onTestFinished(() => open.close());
  expect(open.writer.pragma("journal_mode", { simple: true })).toBe("wal");
  expect(open.writer.pragma("synchronous", { simple: true })).toBe(2);
  expect(open.writer.pragma("foreign_keys", { simple: true })).toBe(1);
  expect(() => open.reader.exec("DELETE FROM meta")).toThrow("readonly");
});

test("a second broker on the same folder is refused with a sentence; after the first is gone it is not", () => {
  const place = folder();
  const first = openDatabases(place, migrations);
  expect(() => openDatabases(place, migrations)).toThrow(FolderInUseError);
  expect(() => openDatabases(place, migrations)).toThrow(
    /^Another Tally broker already uses the data folder .*--data\.$/,
  );
  first.close();
  openDatabases(place, migrations).close();
});

test("what is no database is refused, and the folder is free again", () => {
  const place = folder();
  writeFileSync(join(place, "tally.db"), "not a database, ".repeat(1000));
  expect(() => openDatabases(place, migrations)).toThrow();
  rmSync(join(place, "tally.db"));
  openDatabases(place, migrations).close();
});
