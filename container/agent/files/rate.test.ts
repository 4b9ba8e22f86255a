// The rate follows the last seconds, and the time left is not told while nothing moves.
import { expect, test } from "vitest";
import { createRate } from "./rate.ts";

test("steady, then slower, then still, then done", () => {
  let now = 0;
  const rate = createRate(100_000, () => now);
  let done = 0;
  const run = (seconds: number, perSecond: number) => {
    let told = { bytesPerSecond: 0, secondsLeft: null as number | null };
    for (let n = 0; n < seconds * 10; n++) {
      now += 100;
      done += perSecond / 10;
      told = rate.update({ doneFiles: 0, totalFiles: 1, doneBytes: done, totalBytes: 100_000 });
    }
    return told;
  };
  expect(run(0.1, 1000)).toEqual({ bytesPerSecond: 0, secondsLeft: null });
  const steady = run(4.9, 1000);
  expect(steady.bytesPerSecond).toBeCloseTo(1000);
  expect(steady.secondsLeft).toBeCloseTo(95);
  expect(run(20, 100).bytesPerSecond).toBeCloseTo(100);
  expect(run(20, 0)).toEqual({ bytesPerSecond: 0, secondsLeft: null });
  now += 1000;
  const end = rate.update({ doneFiles: 1, totalFiles: 1, doneBytes: 100_000, totalBytes: 100_000 });
  expect(end.secondsLeft).toBe(0);
});
