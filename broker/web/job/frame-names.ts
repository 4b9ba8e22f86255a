// What the frames of a step are called: their numbers, or their places where they have none.
import { parseRange, rangeValue, type IntegerRange } from "../../openjd/range-expression.ts";

export type NameOf = (ordinal: number) => string;

const ranges = new Map<string, IntegerRange>();

/** The name of each frame of a step; `frames` as the feed says it. Tasks without numbers are counted from 1. */
export function frameNames(frames: string | null): NameOf {
  if (frames === null) return (ordinal) => String(ordinal + 1);
  let range = ranges.get(frames);
  if (range === undefined) {
    range = parseRange(frames);
    // A page that is open for weeks sees many jobs.
    if (ranges.size > 200) ranges.clear();
    ranges.set(frames, range);
  }
  const known = range;
  return (ordinal) => String(rangeValue(known, BigInt(ordinal)) ?? ordinal + 1);
}

/** `Frame 12`; where there are no frame numbers `Encode`, or `Build 3` of several. */
export function frameTitle(step: string, frames: string | null, ordinal: number, count: number): string {
  if (frames !== null) return `Frame ${frameNames(frames)(ordinal)}`;
  return count === 1 ? step : `${step} ${ordinal + 1}`;
}
