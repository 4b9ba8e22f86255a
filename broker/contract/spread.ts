// What the times of many frames say together: the usual one, the ends, and how much they differ. Pure.

/** All in seconds. */
export interface Spread {
  count: number;
  total: number;
  /** 0 of none. */
  mean: number;
  /** How far a frame is from the mean, squared; 0 of one. */
  variance: number;
  /** The middle one; null of none. */
  usual: number | null;
  /** 0 of none. */
  least: number;
  most: number;
}

/** Looks at all of them: with a hundred thousand that takes some 10 ms. */
export function spreadOf(times: Iterable<number>): Spread {
  const sorted = Float64Array.from(times).sort();
  const count = sorted.length;
  const total = sum(sorted, (one) => one);
  const mean = count === 0 ? 0 : total / count;
  const variance = count < 2 ? 0 : sum(sorted, (one) => (one - mean) ** 2) / (count - 1);
  const middle = count >> 1;
  const [before, behind] = [sorted[middle - 1] ?? 0, sorted[middle] ?? 0];
  return {
    count,
    total,
    mean,
    variance,
    usual: count === 0 ? null : count % 2 === 1 ? behind : (before + behind) / 2,
    least: sorted[0] ?? 0,
    most: sorted.at(-1) ?? 0,
  };
}

function sum(all: Float64Array, of: (one: number) => number): number {
  let total = 0;
  for (const one of all) total += of(one);
  return total;
}
