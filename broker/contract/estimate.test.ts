// Tests the time left, its spread, and which frames are called slow.
import { expect, it } from "vitest";
import { slowFrom, timeLeft } from "./estimate.ts";
import { spreadOf } from "./spread.ts";

const step = {
  name: "Render",
  left: 10,
  spread: spreadOf([10, 10, 10, 10]),
  meanSeconds: 10,
  runningSeconds: 0,
};

it("takes as long as the frames so far, shared among the machines", () => {
  expect(timeLeft([step], 1)).toEqual({ seconds: 100, low: 100, high: 100, unknown: [] });
  expect(timeLeft([step], 4)?.seconds).toBe(25);
  expect(timeLeft([step, { ...step, left: 5 }], 1)?.seconds).toBe(150);
});

it("does not count anew what the running frames have done already", () => {
  expect(timeLeft([{ ...step, runningSeconds: 15 }], 1)?.seconds).toBe(85);
  expect(timeLeft([{ ...step, left: 1, runningSeconds: 900 }], 1)?.seconds).toBeGreaterThan(0);
});

it("is the surer the more frames are done", () => {
  const few = timeLeft([{ ...step, spread: spreadOf([5, 15]) }], 1);
  const many = timeLeft(
    [{ ...step, spread: spreadOf(Array.from({ length: 60 }, (_, n) => (n % 2 === 0 ? 5 : 15))) }],
    1,
  );
  expect(few?.seconds).toBe(100);
  expect(many?.seconds).toBe(100);
  expect((few?.high ?? 0) - (few?.low ?? 0)).toBeGreaterThan(2 * ((many?.high ?? 0) - (many?.low ?? 0)));
  expect(few?.low).toBeGreaterThan(0);
});

it("knows nothing before the first frame, and nothing of what is done", () => {
  expect(timeLeft([{ ...step, spread: spreadOf([]), meanSeconds: null }], 1)).toBeNull();
  expect(timeLeft([{ ...step, left: 0 }], 1)).toBeNull();
  const later = { name: "Encode", left: 1, spread: spreadOf([]), meanSeconds: null, runningSeconds: 0 };
  expect(timeLeft([step, later], 1)).toMatchObject({ seconds: 100, unknown: ["Encode"] });
  expect(timeLeft([{ ...step, spread: spreadOf([]), meanSeconds: 10 }], 1)?.seconds).toBe(100);
});

it("calls a frame slow over ten times the median, once enough are done", () => {
  const done = [1, 1.2, 0.8, 1, 1];
  expect(slowFrom(spreadOf(done))).toBe(10);
  expect(slowFrom(spreadOf(done.slice(0, 4)))).toBe(Infinity);
});
