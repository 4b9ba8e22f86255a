// Where frames go, for what artists type after -o and for what scenes say.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { filePattern, formatOfEnding, outputPattern } from "./output-name.ts";

describe.skipIf(process.platform === "win32")("outputPattern", () => {
  const scene = "/shots/010/shot.blend";
  test.each([
    ["out/", "/here/out/####"],
    ["out/frame_####", "/here/out/frame_####"],
    ["out/frame_##.exr", "/here/out/frame_##.exr"],
    ["out/frame.png", "/here/out/frame_####.png"],
    ["out/v1.2", "/here/out/v1.2_####"],
    ["//render/a_####", "/shots/010/render/a_####"],
    ["/abs/b####", "/abs/b####"],
  ])("%s", (typed, pattern) => {
    expect(outputPattern(typed, scene, "/here")).toBe(pattern);
  });

  test("a folder that exists needs no slash", () => {
    const folder = mkdtempSync(join(tmpdir(), "tally-output-"));
    expect(outputPattern(folder, scene, "/here")).toBe(join(folder, "####"));
  });
});

test.each([
  ["/out/a_####.exr", "PNG", "OPEN_EXR"],
  ["/out/a_####.EXR", "FFMPEG", "OPEN_EXR"],
  ["/out/a_####.exr", "OPEN_EXR_MULTILAYER", ""],
  ["/out/a_####.tga", "TARGA_RAW", ""],
  ["/out/a_####.png", "OPEN_EXR_MULTILAYER", "PNG"],
  ["/out/v1.2_####", "PNG", ""],
  ["", "PNG", ""],
])("%s of a scene that writes %s is written as %s", (output, own, format) => {
  expect(formatOfEnding(output, own)).toBe(format);
});

describe.skipIf(process.platform === "win32")("filePattern", () => {
  const scene = "/s/shot.blend";
  const of = (pattern: string, first: string, start = 1) =>
    filePattern({ raw: "", pattern, home: "", first, last: "", beside: [] }, start, scene);

  test("adds the extension that Blender adds", () => {
    expect(of("//render/shot/####", "/s/render/shot/0001.png")).toBe("/s/render/shot/####.png");
    expect(of("/r/a_##", "/r/a_-05.exr", -5)).toBe("/r/a_##.exr");
  });

  test("adds the number where the scene's name has none", () => {
    expect(of("/r/shot", "/r/shot0010.png", 10)).toBe("/r/shot####.png");
  });

  test("follows Blender where it changes the name", () => {
    expect(of("/r/shot_####.exr", "/r/shot_0007.png", 7)).toBe("/r/shot_####.png");
    expect(of("/r/{blend_name}_####", "/r/shot_0007.png", 7)).toBe("/r/shot_####.png");
  });
});
