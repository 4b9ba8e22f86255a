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

/** What is wrong with a range: the message is one sentence about a range, `asFrames` the same about a list of frames. */
export class RangeMistake extends Error {
  readonly asFrames: string;
  constructor(message: string, asFrames = message) {
    super(message);
    this.name = "RangeMistake";
    this.asFrames = asFrames;
  }
}

const MAX_STRETCHES = 10_000;
const PART = /^[ \t]*([+-]?\d+)[ \t]*(?:-[ \t]*(-?\d+)[ \t]*(?::[ \t]*(-?\d+)[ \t]*)?)?$/;

/**
 * Parses a range expression: parts `n`, `a-b` or `a-b:step`, separated by commas, blanks allowed. A descending part
 * needs a negative step. Values come out in increasing order, whatever the order of the parts.
 * @throws RangeMistake with one plain sentence when it is malformed, its parts overlap, or a number exceeds 64 bits.
 */
export function parseRange(text: string): IntegerRange {
  if (text.trim() === "") {
    throw new RangeMistake(
      "The range is empty. Write for example 1-10.",
      "The frame list is empty. Write for example 1-120.",
    );
  }
  const parts = text.split(",");
  if (parts.length > MAX_STRETCHES)
    throw new RangeMistake(`The range has ${parts.length} parts, at most ${MAX_STRETCHES} are allowed.`);
  const stretches = parts
    .map(parsePart)
    .toSorted((a, b) => (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const offsets = [0n];
  stretches.forEach((stretch, index) => {
    const before = stretches[index - 1];
    if (before !== undefined && stretch.first <= before.last) {
      throw overlap(before, stretch, text);
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
    throw new RangeMistake(
      `${what} is no range. Write numbers such as 7, 1-10 or 1-10:2, separated by commas.`,
      `${part.trim() === "" ? "There is nothing between two commas" : `${what} is no frame list`}. Write for example 1-10,15,20-40:2.`,
    );
  }
  const [first, last, step] = [from, to ?? from, by ?? "1"].map(readNumber) as [bigint, bigint, bigint];
  const shown = part.trim();
  const badStep = `The step in "${shown}" must be 1 or more.`;
  if (step === 0n)
    throw new RangeMistake(`"${shown}" has the step 0. The step must be another number.`, badStep);
  if (first > last && step > 0n) {
    throw new RangeMistake(
      `"${shown}" ends before it starts. Turn it round, or give it a negative step.`,
      `"${shown}" ends before it starts. Write ${last}-${first}${by === undefined ? "" : `:${step}`} instead.`,
    );
  }
  if (first < last && step < 0n) {
    throw new RangeMistake(`"${shown}" has a negative step but goes up. Use a positive step.`, badStep);
  }
  const size = step < 0n ? -step : step;
  const length = (first > last ? first - last : last - first) / size;
  const other = first + length * step;
  return first <= other ? { first, last: other, step: size } : { first: other, last: first, step: size };
}

function readNumber(text: string): bigint {
  const value = BigInt(text.replace("+", ""));
  if (!fitsInt64(value)) throw new RangeMistake(`${text} is too large: numbers of a range must fit 64 bits.`);
  return value;
}

/** Stretches that overlap need not share a value, but mostly do. */
function overlap(before: Stretch, stretch: Stretch, text: string): RangeMistake {
  const both = `${describe(before)} and ${describe(stretch)} overlap`;
  const isShared = (stretch.first - before.first) % before.step === 0n;
  const shown = text.length > 40 ? `${text.slice(0, 39)}…` : text;
  return new RangeMistake(
    `The range names values twice: ${both}.`,
    `${isShared ? `Frame ${stretch.first} is named twice in "${shown}"` : both}. Name every frame once, for example 1-10,15.`,
  );
}

function describe(stretch: Stretch): string {
  if (stretch.first === stretch.last) return String(stretch.first);
  return `${stretch.first}-${stretch.last}${stretch.step === 1n ? "" : `:${stretch.step}`}`;
}
