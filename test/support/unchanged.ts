// What a broker has stored, counted: for tests that nothing was stored.
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { TestBroker } from "./start-broker.ts";

/** Rows of every table, the newest cursor, and every file of the data folder with its size (the database's own left out). */
export function storedIn({ broker, dataFolder }: TestBroker): Record<string, unknown> {
  // `meta` holds what the broker notes for itself, such as when it last cleaned up.
  const tables = broker.reader
    .prepare("SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'meta' ORDER BY name")
    .pluck()
    .all() as string[];
  const rows = tables.map((name) => [
    name,
    broker.reader.prepare(`SELECT count(*) FROM "${name}"`).pluck().get(),
  ]);
  const files = readdirSync(dataFolder, { recursive: true, encoding: "utf8" })
    .filter((name) => !/^(tally|lock)\.db|^broker\.log$/.test(name))
    .toSorted()
    .map((name) => `${name} ${statSync(join(dataFolder, name)).size}`);
  return {
    rows: Object.fromEntries(rows) as unknown,
    ids: broker.reader.prepare("SELECT name, seq FROM sqlite_sequence ORDER BY name").all(),
    files,
  };
}
