// Chunks: which tasks one action runs together, split the way the reference implementations split.
import type { ParameterSpace } from "./space.ts";
import type { RangeConstraint } from "./types.ts";

/**
 * The reference split of a space, one chunk after the other, each a list of ordinals whose chunked values ascend
 * as the range gives them. A space without a chunked parameter yields every task alone.
 */
export function* chunksOf(space: ParameterSpace): Generator<number[]> {
  const { chunk, chunkAxis: axis } = space;
  if (chunk === undefined || axis === undefined) {
    for (let ordinal = 0; ordinal < space.count; ordinal += 1) yield [ordinal];
    return;
  }
  const { length, stride } = axis;
  const valueAt = (index: number) => axis.valueAt(index);
  const block = length * stride;
  for (let before = 0; before < space.count; before += block) {
    for (const { from, to } of splitAxis(length, chunk.defaultTaskCount, chunk.rangeConstraint, valueAt)) {
      for (let after = 0; after < stride; after += 1) {
        yield Array.from({ length: to - from }, (_, index) => before + (from + index) * stride + after);
      }
    }
  }
}

/** What `Task.Param` of a chunked parameter holds for some values: always `a-b` when contiguous, else a range expression. */
export function chunkText(values: readonly (bigint | number)[], constraint: RangeConstraint): string {
  const sorted = [...new Set(values.map(BigInt))].toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const [first] = sorted;
  if (first === undefined) return "";
  if (constraint === "CONTIGUOUS") return `${first}-${sorted.at(-1) ?? first}`;
  return stretchesOf(sorted)
    .map(({ from, to, step }) => {
      if (from === to) return `${from}`;
      if (step === 1n) return `${from}-${to}`;
      return to === from + step ? `${from},${to}` : `${from}-${to}:${step}`;
    })
    .join();
}

/** The values of a chunk, given its ordinals. */
export function chunkValues(space: ParameterSpace, ordinals: readonly number[]): bigint[] {
  const axis = space.chunkAxis;
  if (axis === undefined) return [];
  return ordinals.map((ordinal) => axis.valueAt(Math.floor(ordinal / axis.stride) % axis.length));
}

/** Takes values greedily: each stretch keeps the distance of its first two values as long as it can. */
function stretchesOf(sorted: bigint[]): { from: bigint; to: bigint; step: bigint }[] {
  const stretches: { from: bigint; to: bigint; step: bigint | undefined }[] = [];
  for (const value of sorted) {
    const open = stretches.at(-1);
    const gap = open === undefined ? 0n : value - open.to;
    if (open === undefined || (open.step !== undefined && open.step !== gap)) {
      stretches.push({ from: value, to: value, step: undefined });
    } else {
      open.step = gap;
      open.to = value;
    }
  }
  return stretches.map(({ from, to, step }) => ({ from, to, step: step ?? 1n }));
}

function* splitAxis(
  length: number,
  size: number,
  constraint: RangeConstraint,
  valueAt: (index: number) => bigint,
): Generator<{ from: number; to: number }> {
  let from = 0;
  while (from < length) {
    let to = constraint === "CONTIGUOUS" ? from + 1 : length;
    while (to < length && valueAt(to) === valueAt(to - 1) + 1n) to += 1;
    yield* splitRun(from, to, size);
    from = to;
  }
}

/** Near-equal pieces, as few as possible; the longer ones are spread evenly, not heaped at the start. */
function* splitRun(from: number, to: number, size: number): Generator<{ from: number; to: number }> {
  const length = to - from;
  const pieces = Math.ceil(length / size);
  const small = Math.floor(length / pieces);
  const longer = new Set(
    Array.from({ length: length % pieces }, (_, index) => Math.floor((index * pieces) / (length % pieces))),
  );
  let at = from;
  for (let piece = 0; piece < pieces; piece += 1) {
    const next = at + small + (longer.has(piece) ? 1 : 0);
    yield { from: at, to: next };
    at = next;
  }
}
