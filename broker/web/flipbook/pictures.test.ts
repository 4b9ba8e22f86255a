// Which files are pictures for a browser, and how they become sequences.
import { expect, it } from "vitest";
import type { Artifact } from "../../contract/attempt.ts";
import { addToReels, baseName, pictureOf, sequenceOf, type Reel } from "./pictures.ts";

const artifact = (name: string, ordinal: number, more: object = {}): Artifact => ({
  id: `art_${ordinal}`,
  attemptId: "att_1",
  step: "Render",
  ordinal,
  frame: String(ordinal + 1),
  generation: 1,
  name,
  bytes: 10,
  sha256: name,
  state: "current",
  outside: false,
  executable: false,
  kept: true,
  deliveredAt: null,
  problem: null,
  ...more,
});

it.each([
  ["/a/shot_0007.png", "7", "/a/shot_####.png"],
  ["/a/v2/shot7.0007.exr", "7", "/a/v2/shot7.####.exr"],
  ["C:\\a\\f_12.png", "12", "C:\\a\\f_####.png"],
  ["/a/-0003.png", "-3", "/a/-####.png"],
  ["/a/film.mp4", null, "/a/film.mp4"],
  ["/a/still.png", "7", "/a/still.png"],
])("names the sequence of %s", (name, frame, sequence) => {
  expect(sequenceOf(name, frame)).toBe(sequence);
});

it("shows pictures that browsers know, and previews of those they do not", () => {
  expect(pictureOf(artifact("/a/1.PNG", 0))).toMatchObject({ sha256: "/a/1.PNG", isPreview: false });
  expect(pictureOf(artifact("/a/1.exr", 0))).toBeNull();
  expect(pictureOf(artifact("/a/1.exr", 0, { preview: { sha256: "small" } }))).toMatchObject({
    sha256: "small",
    isPreview: true,
  });
  expect(pictureOf(artifact("/a/1.png", 0, { kept: false }))).toBeNull();
});

it("makes one reel for each sequence of a step; what came later counts", () => {
  const reels = new Map<string, Reel>();
  addToReels(reels, [
    artifact("/a/x_0001.png", 0),
    artifact("/a/x_0002.png", 1),
    artifact("/a/z_0001.png", 0),
    artifact("/a/x_0001.png", 0, { sha256: "newer" }),
    artifact("/a/x_0003.png", 2, { state: "partial" }),
    artifact("/a/x_0001.exr", 0),
  ]);
  expect([...reels.values()].map(({ name, pictures }) => [name, pictures.size])).toEqual([
    ["/a/x_####.png", 2],
    ["/a/z_####.png", 1],
  ]);
  expect(reels.get("Render\n/a/x_####.png")?.pictures.get(0)?.sha256).toBe("newer");
});

it("knows the last part of a path of any system", () => {
  expect([baseName("/a/b.png"), baseName("C:\\a\\b.png"), baseName("b.png")]).toEqual([
    "b.png",
    "b.png",
    "b.png",
  ]);
});
