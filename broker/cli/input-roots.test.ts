// Folders as sets: the outermost ones, the limit of a manifest, and what lies on a shared root.
import { expect, test } from "vitest";
import { createSharedTest, isBelow, outermost, rootsOf } from "./input-roots.ts";

test("the outermost folders, none in another one, none only by the start of its name", () => {
  expect(outermost(["/a/c", "/a b", "/a", "/a/c/d", "/b", "/a-x/y", "/b"])).toEqual([
    "/a b",
    "/a-x/y",
    "/a",
    "/b",
  ]);
  expect(outermost(["/a", "/"])).toEqual(["/"]);
});

test("more folders than a manifest may name become the folders above them, deepest first", () => {
  const many = Array.from({ length: 1500 }, (_, index) => `/tex/set/${index}`);
  expect(rootsOf([...many, "/shot"])).toEqual(["/shot", "/tex/set"]);
  expect(rootsOf(many.slice(0, 1000))).toHaveLength(1000);
});

test("a shared root as this system spells it", () => {
  const isShared = createSharedTest([{ name: "nas", linux: "/mnt/nas", windows: "N:\\" }], "linux");
  expect(["/mnt/nas/a.png", "/mnt/nas", "/mnt/nas2/a.png", "/home/a.png"].map(isShared)).toEqual([
    true,
    true,
    false,
    false,
  ]);
  expect(createSharedTest([{ name: "nas", windows: "N:\\" }], "linux")("/mnt/nas/a.png")).toBe(false);
});

test("below a folder", () => {
  expect(isBelow("/a/b", "/a")).toBe(true);
  expect(isBelow("/a/b", "/")).toBe(true);
  expect(isBelow("/ab", "/a")).toBe(false);
});
