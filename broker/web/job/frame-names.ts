// What the frames of a step are called: their numbers, or their places where they have none.
import { readFrameNumbers, type FrameNumbers } from "../../contract/frame-numbers.ts";

export type NameOf = (ordinal: number) => string;

const known = new Map<string, FrameNumbers>();

/** The name of each frame of a step; `frames` as the feed says it. Tasks without numbers are counted from 1. */
export function frameNames(frames: string | null): NameOf {
  if (frames === null) return (ordinal) => String(ordinal + 1);
  let numbers = known.get(frames);
  if (numbers === undefined) {
    numbers = readFrameNumbers(frames);
    // A page that is open for weeks sees many jobs.
    if (known.size > 200) known.clear();
    known.set(frames, numbers);
  }
  const numberOf = numbers;
  return (ordinal) => String(numberOf(ordinal) ?? ordinal + 1);
}

/** `Frame 12`; where there are no frame numbers `Encode`, or `Build 3` of several. */
export function frameTitle(step: string, frames: string | null, ordinal: number, count: number): string {
  if (frames !== null) return `Frame ${frameNames(frames)(ordinal)}`;
  return count === 1 ? step : `${step} ${ordinal + 1}`;
}
