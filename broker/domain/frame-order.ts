// The order in which a job's frames are handed out: a rank for each ordinal.
import type { JobSettings } from "../contract/job.ts";

/** With `every-nth`, this many passes over the shot: a rough look at all of it comes early. */
const stride = 8;

/**
 * Rank of each ordinal of a step of `count` tasks; lower ranks go first. `in-order` is the identity, which callers
 * may use to avoid building an array.
 */
export function ranks(order: JobSettings["order"], count: number): (ordinal: number) => number {
  switch (order) {
    case "in-order":
      return (ordinal) => ordinal;
    case "every-nth": {
      const perPass = Math.ceil(count / stride);
      return (ordinal) => (ordinal % stride) * perPass + Math.floor(ordinal / stride);
    }
    case "first-middle-last": {
      const middle = Math.floor((count - 1) / 2);
      // In a short shot they coincide: the first mention counts.
      const early = new Map([
        [middle, 2],
        [count - 1, 1],
        [0, 0],
      ]);
      return (ordinal) => early.get(ordinal) ?? ordinal + 3;
    }
  }
}
