// Range expressions such as "1-10, 20-40:5": parsed once, then counted and indexed without expanding them.
import { fitsInt64 } from "./numbers.ts";

/** One stretch of a range expression, ascending: `first`, `first + step`, … up to and including `last`. */
export interface Stretch {
  first: bigint;
  last: bigint;
  step: bigint;
}

/** The values of a range expression in increasing order. */
export interface IntegerRange {
  readonly stretches: readonly Stretch[];
  /** How many values lie before stretch n; one entry more than stretches, the last is the total. */
  readonly offsets: readonly bigint[];
}

const MAX_STRETCHES = 10_000;
const PART = /^[ \t]*([+-]?\d+)[ \t]*(?:-[ \t]*(-?\d+)[ \t]*(?::[ \t]*(-?\d+)[ \t]*)?)?$/;

/**
 * Parses a range expression: parts `n`, `a-b` or `a-b:step`, separated by commas, blanks allowed. A descending part
 * needs a negative step. Values come out in increasing order, whatever the order of the parts.
 * @throws Error with one plain sentence when it is malformed, its parts overlap, or a number exceeds 64 bits.
 */
export function parseRange(text: string): IntegerRange {
  if (text.trim() === "") throw new Error("The range is empty. Write for example 1-10.");
  const parts = text.split(",");
  if (parts.length > MAX_STRETCHES)
    throw new Error(`The range has ${parts.length} parts, at most ${MAX_STRETCHES} are allowed.`);
  const stretches = parts
    .map(parsePart)
    .toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const offsets = [0n];
  stretches.forEach((stretch, index) => {
    const before = stretches[index - 1];
    if (before !== undefined && stretch.first <= before.last) {
      throw new Error(`The range names values twice: ${describe(before)} and ${describe(stretch)} overlap.`);
    }
    offsets.push((offsets[index] ?? 0n) + (stretch.last - stretch.first) / stretch.step + 1n);
  });
  return { stretches, offsets };
}

/** How many values a range holds. */
export function rangeCount(range: IntegerRange): bigint {
  return range.offsets.at(-1) ?? 0n;
}

/** The value at an index from 0, in increasing order; undefined behind the end. */
export function rangeValue(range: IntegerRange, index: bigint): bigint | undefined {
  const at = stretchAt(range, index);
  const stretch = range.stretches[at];
  if (index < 0n || stretch === undefined) return undefined;
  return stretch.first + (index - (range.offsets[at] ?? 0n)) * stretch.step;
}

function stretchAt(range: IntegerRange, index: bigint): number {
  let low = 0;
  let high = range.stretches.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((range.offsets[middle + 1] ?? 0n) <= index) low = middle + 1;
    else high = middle;
  }
  return low;
}

function parsePart(part: string): Stretch {
  const [, from, to, by] = PART.exec(part) ?? [];
  if (from === undefined) {
    const what = part.trim() === "" ? "An empty part" : `"${part.trim().slice(0, 40)}"`;
    throw new Error(`${what} is no range. Write numbers such as 7, 1-10 or 1-10:2, separated by commas.`);
  }
  const [first, last, step] = [from, to ?? from, by ?? "1"].map(readNumber) as [bigint, bigint, bigint];
  if (step === 0n) throw new Error(`"${part.trim()}" has the step 0. The step must be another number.`);
  if (first > last && step > 0n) {
    throw new Error(`"${part.trim()}" ends before it starts. Turn it round, or give it a negative step.`);
  }
  if (first < last && step < 0n) {
    throw new Error(`"${part.trim()}" has a negative step but goes up. Use a positive step.`);
  }
  const size = step < 0n ? -step : step;
  const length = (first > last ? first - last : last - first) / size;
  const other = first + length * step;
  return first <= other ? { first, last: other, step: size } : { first: other, last: first, step: size };
}

function readNumber(text: string): bigint {
  const value = BigInt(text.replace("+", ""));
  if (!fitsInt64(value)) throw new Error(`${text} is too large: numbers of a range must fit 64 bits.`);
  return value;
}

function describe(stretch: Stretch): string {
  if (stretch.first === stretch.last) return String(stretch.first);
  return `${stretch.first}-${stretch.last}${stretch.step === 1n ? "" : `:${stretch.step}`}`;
}
