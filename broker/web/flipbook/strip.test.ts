// What a column of the strip says of its frames.
import { expect, it } from "vitest";
import { columnOf, type StripFrame } from "./strip.ts";

const frame = (state: StripFrame["state"], hasPicture = false, isReady = false): StripFrame => ({
  state,
  isNext: false,
  hasPicture,
  isReady,
});
const next: StripFrame = { ...frame("running"), isNext: true };

it.each([
  [[frame("succeeded", true, true)], "ready", 1],
  [[frame("succeeded", true, true), frame("succeeded", true)], "here", 1],
  [[frame("succeeded", true, true), frame("failed")], "failed", 0.55],
  [[frame("running"), frame("ready")], "running", 0.55],
  [[next, frame("running")], "running", 0.55],
  [[next, frame("ready")], "next", 0.38],
  [[next, frame("succeeded", true)], "here", 0.7],
  [[frame("ready"), frame("blocked")], "waiting", 0.2],
  [[frame("succeeded", true), frame("ready")], "here", 0.7],
  // Requeued: its former picture still plays.
  [[frame("failed", true, true)], "ready", 1],
  [[], "waiting", 0.2],
] as const)("%j is %s", (frames, kind, height) => {
  expect(columnOf(frames)).toEqual({ kind, height });
});
