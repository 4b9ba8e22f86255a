// A frame is told once, with its picture rather than a pass.
import { expect, test } from "vitest";
import type { FinishedFrame } from "./follow.ts";
import { createFrameFiles, isPicture } from "./frame-files.ts";

const pattern = "/shots/out/a_####.png";
const frame = (name: string): FinishedFrame => ({
  step: "Render",
  frame: name,
  seconds: 1,
  worker: "pc",
  device: "CPU",
  file: null,
  kept: false,
});

test("a pass that comes home first waits for the picture", () => {
  const files = createFrameFiles(pattern);
  files.succeeded("7", frame("7"));
  expect(files.delivered("7", "/shots/passes/depth_0007.exr", false, 0)).toBeUndefined();
  expect(files.overdue(100)).toEqual([]);
  expect(files.delivered("7", "/shots/out/a_0007.png", true, 100)).toEqual({
    ...frame("7"),
    file: "/shots/out/a_0007.png",
    kept: true,
  });
  expect(files.delivered("7", "/shots/passes/mask_0007.exr", false, 200)).toBeUndefined();
  expect(files.rest()).toEqual([]);
});

test("a frame without a picture is told with its first file, a little later or at the end", () => {
  const files = createFrameFiles(pattern);
  for (const name of ["7", "8"]) {
    files.succeeded(name, frame(name));
    files.delivered(name, `/shots/passes/depth_000${name}.exr`, false, Number(name) * 1000);
    files.delivered(name, `/shots/passes/mask_000${name}.exr`, false, Number(name) * 1000);
  }
  expect(files.overdue(9500)).toEqual([{ ...frame("7"), file: "/shots/passes/depth_0007.exr" }]);
  expect(files.rest()).toEqual([{ ...frame("8"), file: "/shots/passes/depth_0008.exr" }]);
});

test.each([
  [null, "/anything.txt", true],
  ["/out/film.mp4", "/out/film.mp4", true],
  ["/out/a_####", "/out/a_0007.png", true],
  ["/out/a_####.png", "/out/a_-0007.png", true],
  ["/out/a_####.png", "/out/a_0007_L.png", true],
  ["/out/####.png", "/out/depth_0007.exr", false],
  ["/out/v#/a_####.png", "/out/v#/a_0007.png", true],
])("pattern %s, file %s: %s", (one, file, expected) => {
  expect(isPicture(one, file)).toBe(expected);
});
