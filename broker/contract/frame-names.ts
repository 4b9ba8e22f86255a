// What the frames of a step are called: their numbers, or their places where they have none.
import { readFrameNumbers, type FrameNumbers } from "./frame-numbers.ts";

export type NameOf = (ordinal: number) => string;

/** Texts that were read. Up to 8,000 characters each are not read anew for every drawing and every line. */
const known = new Map<string, FrameNumbers>();
/** A page that is open for weeks sees many jobs. */
const mostKnown = 200;

/** The frame numbers of a step, `frames` as the feed says them; the same text is read once. Tasks of `null` have none. */
export function frameNumbers(frames: string | null): FrameNumbers {
  if (frames === null) return () => undefined;
  let numbers = known.get(frames);
  if (numbers === undefined) {
    numbers = readFrameNumbers(frames);
    if (known.size >= mostKnown) known.clear();
    known.set(frames, numbers);
  }
  return numbers;
}

/** The name of each frame of a step. Tasks without numbers are counted from 1. */
export function frameNames(frames: string | null): NameOf {
  const numberOf = frameNumbers(frames);
  return (ordinal) => String(numberOf(ordinal) ?? ordinal + 1);
}

/** `Frame 12`; where there are no frame numbers `Encode`, or `Build 3` of several. */
export function frameTitle(step: string, frames: string | null, ordinal: number, count: number): string {
  if (frames !== null) return `Frame ${frameNames(frames)(ordinal)}`;
  return count === 1 ? step : `${step} ${ordinal + 1}`;
}
