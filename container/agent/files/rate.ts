// How fast a transfer is just now, and how long the rest will take.
import type { Progress } from "./progress.ts";

/** What is averaged: short enough to follow the network, long enough to stand still, ms. */
const windowMs = 10_000;
/** No rate is told before so long, ms: the first bytes go into buffers. */
const leastMs = 500;

export interface Rate {
  /** Takes a progress. `bytesPerSecond` over the last ten seconds; `secondsLeft` null while nothing moves. */
  update(progress: Progress): { bytesPerSecond: number; secondsLeft: number | null };
}

/** Measures from now on. `now`: ms that never jump. */
export function createRate(totalBytes: number, now: () => number = () => performance.now()): Rate {
  const samples: { at: number; bytes: number }[] = [{ at: now(), bytes: 0 }];
  return {
    update({ doneBytes }) {
      const at = now();
      const last = samples.at(-1);
      // Ten samples a second are plenty, however often it is told.
      if (last && samples.length > 1 && at - last.at < 100) last.bytes = doneBytes;
      else samples.push({ at, bytes: doneBytes });
      while (samples.length > 2 && (samples[1] as { at: number }).at <= at - windowMs) samples.shift();
      const first = samples[0] as { at: number; bytes: number };
      const bytesPerSecond =
        at - first.at < leastMs ? 0 : (Math.max(0, doneBytes - first.bytes) / (at - first.at)) * 1000;
      const left = Math.max(0, totalBytes - doneBytes);
      if (left === 0) return { bytesPerSecond, secondsLeft: 0 };
      return { bytesPerSecond, secondsLeft: bytesPerSecond > 0 ? left / bytesPerSecond : null };
    },
  };
}
