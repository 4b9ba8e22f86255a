// How many frames one lease takes.
import fc from "fast-check";
import { expect, test } from "vitest";
import { leaseSize, type LeaseSizeInput } from "./lease-size.ts";

const base: LeaseSizeInput = {
  defaultTaskCount: 4,
  targetRuntimeSeconds: 60,
  measuredCount: 0,
  measuredSeconds: 0,
  readyCount: 100,
  workerCount: 1,
};

test.each<[string, Partial<LeaseSizeInput>, number]>([
  ["by count until three are measured", { measuredCount: 2, measuredSeconds: 2 }, 4],
  ["then by time", { measuredCount: 3, measuredSeconds: 6 }, 30],
  ["a frame that takes longer than the target runs alone", { measuredCount: 3, measuredSeconds: 900 }, 1],
  ["near the end the workers share", { readyCount: 6, workerCount: 3 }, 2],
  ["never more than there is", { measuredCount: 3, measuredSeconds: 0.3, readyCount: 7 }, 7],
  ["frames that took no time at all", { measuredCount: 9, measuredSeconds: 0, readyCount: 100_000 }, 1000],
  ["nobody registered", { workerCount: 0, readyCount: 2 }, 2],
])("%s", (_, change, expected) => expect(leaseSize({ ...base, ...change })).toBe(expected));

test("always at least one, and never so many that a worker gets none", () => {
  const input = fc.record({
    defaultTaskCount: fc.integer({ min: 1, max: 1000 }),
    targetRuntimeSeconds: fc.integer({ min: 1, max: 100_000 }),
    measuredCount: fc.nat(20),
    measuredSeconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
    readyCount: fc.integer({ min: 1, max: 100_000 }),
    workerCount: fc.nat(100),
  });
  fc.assert(
    fc.property(input, (one) => {
      const size = leaseSize(one);
      expect(Number.isInteger(size)).toBe(true);
      expect(size).toBeGreaterThanOrEqual(1);
      expect(size).toBeLessThanOrEqual(Math.max(1, Math.ceil(one.readyCount / Math.max(1, one.workerCount))));
    }),
  );
});
