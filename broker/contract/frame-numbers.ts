// The frame numbers of a step as the feed tells them: a range expression in the order of the ordinals, looked up without
// writing it out.

/** The frame number of an ordinal; undefined behind the last one. */
export type FrameNumbers = (ordinal: number) => number | undefined;

interface Run {
  /** The first ordinal in it. */
  from: number;
  first: number;
  by: number;
}

const part = /^(-?\d+)(?:-(-?\d+)(?::(-?\d+))?)?$/;

/** Reads `1-240` or `1-3,8-4:-2,20`. Parts stand as they are written, downwards too. Throws an Error for what is none. */
export function readFrameNumbers(text: string): FrameNumbers {
  const runs: Run[] = [];
  let count = 0;
  for (const piece of text.split(",")) {
    const match = part.exec(piece);
    if (!match) throw new Error(`${piece} is no range of frames.`);
    const first = Number(match[1]);
    const last = Number(match[2] ?? first);
    const by = Number(match[3] ?? 1);
    const length = Math.floor((last - first) / by) + 1;
    if (!(length >= 1 && length < Infinity)) throw new Error(`${piece} is no range of frames.`);
    runs.push({ from: count, first, by });
    count += length;
  }
  return (ordinal) => {
    if (ordinal < 0 || ordinal >= count) return undefined;
    let low = 0;
    for (let high = runs.length - 1; low < high;) {
      const middle = (low + high + 1) >> 1;
      if ((runs[middle]?.from ?? 0) <= ordinal) low = middle;
      else high = middle - 1;
    }
    const run = runs[low];
    return run && run.first + (ordinal - run.from) * run.by;
  };
}
