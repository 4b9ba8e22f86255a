// Opaque paging: the last key, so that a page never shifts when newer things arrive.
import { Problem } from "../contract/problem.ts";

/** The row number behind a page mark; null for the first page. Throws `malformed`. */
export function cursorNumber(after: string | undefined): number | null {
  if (after === undefined) return null;
  if (!/^\d{1,15}$/.test(after))
    throw new Problem("malformed", "The page mark `after` is not one that this broker gave.");
  return Number(after);
}
