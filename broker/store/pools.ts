// Which pools a person paused as a whole: kept by name, whether anybody is in them or not.
import { readMeta, writeMeta } from "./meta.ts";
import type { Rows, Tx } from "./tx.ts";

const pausedKey = "pools.paused";

/** Names of the paused pools, sorted. */
export function pausedPools(rows: Rows): string[] {
  return JSON.parse(readMeta(rows, pausedKey) ?? "[]") as string[];
}

/** Notes whether a pool is paused. Returns false where it was so already. */
export function setPoolPaused(tx: Tx, pool: string, isPaused: boolean): boolean {
  const before = pausedPools(tx);
  if (before.includes(pool) === isPaused) return false;
  const after = isPaused ? [...before, pool].toSorted() : before.filter((one) => one !== pool);
  writeMeta(tx, pausedKey, JSON.stringify(after));
  return true;
}
