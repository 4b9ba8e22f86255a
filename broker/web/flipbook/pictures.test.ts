// Which files are pictures for a browser, and how they become sequences.
import { expect, it } from "vitest";
import type { Artifact } from "../../contract/attempt.ts";
import { addToReels, baseName, pictureOf, sequenceOf, shownFiles, type Reel } from "./pictures.ts";

const artifact = (name: string, ordinal: number, more: object = {}): Artifact => ({
  id: `fil_${ordinal}`,
  kind: "file",
  of: null,
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

const preview = (of: Artifact, sha256: string): Artifact => ({
  ...of,
  id: `${of.id}0`,
  kind: "preview",
  of: of.id,
  kept: true,
  sha256,
});

it("shows previews, and pictures that browsers know", () => {
  expect(pictureOf(artifact("/a/1.PNG", 0))).toMatchObject({ sha256: "/a/1.PNG", isPreview: false });
  const exr = artifact("/a/1.exr", 0);
  expect(pictureOf(exr)).toBeNull();
  expect(pictureOf(preview(exr, "small"))).toEqual({ sha256: "small", name: "/a/1.exr", isPreview: true });
  expect(pictureOf(artifact("/a/1.png", 0, { kept: false }))).toBeNull();
});

it("shows each file in full where browsers can, and small by its preview", () => {
  const [exr, png, blend] = [artifact("/a/1.exr", 0), artifact("/a/2.png", 1), artifact("/a/3.blend", 2)];
  const old = artifact("/a/4.png", 3, { kept: false });
  const shown = shownFiles([exr, png, blend, old, preview(png, "p"), preview(exr, "e"), preview(old, "o")]);
  expect(shown.map(({ file, full, small }) => [file.name, full.sha256, small.sha256])).toEqual([
    ["/a/1.exr", "e", "e"],
    ["/a/2.png", "/a/2.png", "p"],
    ["/a/4.png", "o", "o"],
  ]);
  expect(shownFiles([png])[0]?.small.sha256).toBe("/a/2.png");
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
    preview(artifact("/a/z_0001.png", 0), "small"),
  ]);
  expect([...reels.values()].map(({ name, pictures }) => [name, pictures.size])).toEqual([
    ["/a/x_####.png", 2],
    ["/a/z_####.png", 1],
  ]);
  expect(reels.get("Render\n/a/x_####.png")?.pictures.get(0)?.sha256).toBe("newer");
  expect(reels.get("Render\n/a/z_####.png")?.pictures.get(0)).toMatchObject({
    sha256: "small",
    isPreview: true,
  });
});

it("shows no picture of an older file of a frame, while there is none of its newer one", () => {
  const reels = new Map<string, Reel>();
  const [old, newer] = [artifact("/a/x_0001.exr", 0), artifact("/a/x_0001.exr", 0, { id: "art_9" })];
  const picture = () => reels.get("Render\n/a/x_####.exr")?.pictures.get(0)?.sha256;
  addToReels(reels, [old, preview(old, "old")]);
  expect(picture()).toBe("old");
  addToReels(reels, [newer]);
  expect(picture()).toBeUndefined();
  addToReels(reels, [preview(newer, "newer")]);
  expect(picture()).toBe("newer");
});

it("knows the last part of a path of any system", () => {
  expect([baseName("/a/b.png"), baseName("C:\\a\\b.png"), baseName("b.png")]).toEqual([
    "b.png",
    "b.png",
    "b.png",
  ]);
});
