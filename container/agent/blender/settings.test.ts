// The arguments of a session and the frames of an action, with sentences for what is wrong.
import { expect, test } from "vitest";
import { parseFrames, parseSettings } from "./settings.ts";

test("everything but the scene may be left to the scene", () => {
  expect(parseSettings(["--scene=/a.blend"], {})).toMatchObject({
    scene: "/a.blend",
    original: "/a.blend",
    samples: 0,
    device: "",
    motionBlur: "SCENE",
    allowMissing: false,
    frameTimeout: 0,
  });
  const given = parseSettings(["--scene=/a.blend", "--device=GPU", "--samples=12", "--allow-scripts=true"], {
    TALLY_FRAME_TIMEOUT: "60",
  });
  expect(given).toMatchObject({ device: "GPU", samples: 12, allowScripts: true, frameTimeout: 60 });
});

test.each([
  [["--scene="], /No scene is named/],
  [["--scene=a", "--device=TOASTER"], /--device is "TOASTER"; it must be one of SCENE, CPU, GPU/],
  [["--scene=a", "--samples=-1"], /--samples is "-1"; it must be a whole number/],
  [["--scene=a", "--nonsense=1"], /nonsense/],
])("%s is refused", (args, sentence) => {
  expect(() => parseSettings(args, {})).toThrow(sentence);
});

test.each([
  ["7", [7]],
  ["1-4", [1, 2, 3, 4]],
  ["5-5", [5]],
  ["-3--1", [-3, -2, -1]],
  ["1-9:4,20", [1, 5, 9, 20]],
  ["3-1:-1", [3, 2, 1]],
])("%s are the frames %j", (text, frames) => {
  expect(parseFrames(text)).toEqual(frames);
});

test.each(["", "1..4", "a", "1-2:0", "1-99999999"])("%j is refused", (text) => {
  expect(() => parseFrames(text)).toThrow(/no frame range|step of 0|too long/);
});
