// Which frame a file belongs to.
import { expect, test } from "vitest";
import { frameOfName } from "./frame-of-name.ts";

const frames = [1, 2, 3, 10, -4];

test.each([
  ["/out/beauty_0002.exr", 1],
  ["C:\\out\\beauty.0010.exr", 3],
  ["/out/shot010_0003.png", 2],
  ["/out/frame-0002.png", 1],
  ["/out/x_-0004.png", 4],
  ["/out/0001/beauty.mp4", undefined],
  ["/out/take2_v0100.mov", 1],
  ["/out/take2_v3_1000.png", undefined],
  ["/out/log.txt", undefined],
  ["/out/film.mp4", undefined],
  ["/out/.0002", 1],
])("%s", (path, place) => {
  expect(frameOfName(path, frames)).toBe(place);
});
