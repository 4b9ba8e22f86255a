// Single facts about the whole broker: rows of `meta`, by key.
import type { Rows, Tx } from "./tx.ts";

/** The value under a key, or undefined. */
export function readMeta(rows: Rows, key: string): string | undefined {
  return rows.get<{ value: string }>("SELECT value FROM meta WHERE key = ?", key)?.value;
}

/** Sets the value under a key. */
export function writeMeta(tx: Tx, key: string, value: string): void {
  tx.run(
    "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    key,
    value,
  );
}

/** The value under a key; where there is none, what `make` makes of it, once. */
export function ensureMeta(tx: Tx, key: string, make: () => string): string {
  const known = readMeta(tx, key);
  if (known !== undefined) return known;
  const made = make();
  writeMeta(tx, key, made);
  return made;
}
