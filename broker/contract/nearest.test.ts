// What somebody meant who mistyped a name, or left a part of it out.
import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

test.each([
  ["wacth", ["watch", "page"], "watch"],
  ["dnoe", ["done", "failed"], "done"],
  // Every letter is in the longer name; the other one has other letters.
  [
    "shot_exr.blend",
    ["shot_png.blend", "shot_open_exr.blend", "shot_open_exr_old.blend"],
    "shot_open_exr.blend",
  ],
  ["Shot_EXR.blend", ["shot_open_exr.blend"], "shot_open_exr.blend"],
  ["frame", ["frames", "frame-timeout"], "frames"],
  // Few letters are in order in many words.
  ["page", ["pause.blend.backup", "pages"], "pages"],
  ["nothing", ["watch", "page"], undefined],
  ["shot", ["a_very_long_other_thing_shot_x.blend"], undefined],
])("%s among %j", (word, candidates, meant) => {
  expect(nearest(word, candidates)).toBe(meant);
});
