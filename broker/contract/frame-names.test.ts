// Tests what the frames of a step are called.
import { expect, it } from "vitest";
import { frameNames, frameNumbers, frameTitle } from "./frame-names.ts";

it("names frames in the order in which they are rendered", () => {
  const downwards = frameNames("8-4:-2");
  expect([0, 1, 2].map(downwards)).toEqual(["8", "6", "4"]);
  expect(frameNames(null)(4)).toBe("5");
});

it("calls a task without a number by its step", () => {
  expect(frameTitle("Render", "101-110", 2, 10)).toBe("Frame 103");
  expect(frameTitle("Encode", null, 0, 1)).toBe("Encode");
  expect(frameTitle("Build", null, 2, 4)).toBe("Build 3");
});

it("reads the same numbers once, however often they are asked for", () => {
  expect(frameNumbers("1-3,7")).toBe(frameNumbers("1-3,7"));
  expect(frameNumbers("1-3,7")(3)).toBe(7);
  expect(frameNumbers("1-3,7")(4)).toBeUndefined();
  expect(frameNumbers(null)(0)).toBeUndefined();
});
