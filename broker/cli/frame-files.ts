// Which file a finished frame is told with: its picture, even where a pass of the same frame comes home first.
import type { FinishedFrame } from "./follow.ts";

/** A frame whose picture has not come so long after another of its files has none, ms of the broker's clock. */
const patienceMs = 2000;

interface Waiting {
  done: FinishedFrame;
  /** When its first file came home; null before. */
  since: number | null;
}

export interface FrameFiles {
  /** A frame succeeded and waits for its file. */
  succeeded(key: string, done: FinishedFrame): void;
  /** A file of a frame is home; returns the frame when it is to be told now. */
  delivered(key: string, file: string | null, kept: boolean, now: number): FinishedFrame | undefined;
  /** Frames that waited long enough for their picture at `now`, ms. */
  overdue(now: number): FinishedFrame[];
  /** Whether a frame waits for its file. */
  has(key: string): boolean;
  /** It is told otherwise, or is not done any more. */
  forget(key: string): void;
  /** All that still wait: nothing more comes. */
  rest(): FinishedFrame[];
}

/** Keeps finished frames until their picture is home. `pattern`: where the pictures of the job go, `#` for the frame. */
export function createFrameFiles(pattern: string | null): FrameFiles {
  const waiting = new Map<string, Waiting>();
  function take(isDue: (one: Waiting) => boolean): FinishedFrame[] {
    const due = [...waiting].filter(([, one]) => isDue(one));
    for (const [key] of due) waiting.delete(key);
    return due.map(([, { done }]) => done);
  }
  return {
    succeeded: (key, done) => void waiting.set(key, { done, since: null }),
    delivered(key, file, kept, now) {
      const one = waiting.get(key);
      // A second file of the same frame, such as a pass: the frame was told already.
      if (one === undefined) return undefined;
      if (file === null || isPicture(pattern, file)) {
        waiting.delete(key);
        return { ...one.done, file, kept };
      }
      if (one.since === null) waiting.set(key, { done: { ...one.done, file, kept }, since: now });
      return undefined;
    },
    overdue: (now) => take(({ since }) => since !== null && now - since > patienceMs),
    has: (key) => waiting.has(key),
    forget: (key) => void waiting.delete(key),
    rest: () => take(() => true),
  };
}

/** Whether a file's name is one of the pattern's: `/out/a_####` has `/out/a_0007.png` and `/out/a_0007_L.png`. */
export function isPicture(pattern: string | null, file: string): boolean {
  if (pattern === null) return true;
  const hashes = [...pattern.matchAll(/#+/g)].at(-1);
  if (hashes === undefined) return true;
  return file.startsWith(pattern.slice(0, hashes.index)) && /^-?\d/.test(file.slice(hashes.index));
}
