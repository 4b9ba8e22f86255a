// Tests where a scene is opened: below the session's folder with its surroundings, at home with the file alone.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { pathMappingDocument, type PathMappingRule } from "../../../broker/openjd/path-mapping.ts";
import { atHome, placeOfScene, readRules } from "./rules.ts";
import { testFolder } from "./test-session.ts";

const rule = (sourcePath: string, destinationPath: string): PathMappingRule => ({
  sourcePathFormat: /^[A-Z]:/.test(sourcePath) ? "WINDOWS" : "POSIX",
  sourcePath,
  destinationPath,
});

test.each([
  ["/home/ann/shot/a.blend", [], "/home/ann/shot/a.blend"],
  ["/home/ann/shot/a.blend", [rule("/home/ann/shot", "/s/home/ann/shot")], "/s/home/ann/shot/a.blend"],
  ["/home/ann/shot/a.blend", [rule("/home", "/s/home")], "/s/home/ann/shot/a.blend"],
  ["/home/ann/shot/a.blend", [rule("/home/ann/shot/a.blend", "/s/a.blend")], "/home/ann/shot/a.blend"],
  [
    "/home/ann/shot/a.blend",
    [rule("/home", "/s/home"), rule("/home/ann/shot", "/home/ann/shot")],
    "/home/ann/shot/a.blend",
  ],
  ["C:\\shot\\a.blend", [rule("C:\\shot", "/s/C/shot")], "/s/C/shot/a.blend"],
  ["c:/SHOT/cut/a.blend", [rule("C:\\shot", "/s/C/shot")], "/s/C/shot/cut/a.blend"],
])("%s is opened where its folder lies (rules %j)", (original, rules, place) => {
  expect(placeOfScene(original, "/s/scene.blend", rules)).toBe(place);
});

test.skipIf(process.platform === "win32")("a scene of Windows that no rule covers is opened as it is", () => {
  expect(placeOfScene("C:\\shot\\a.blend", "/s/scene.blend", [])).toBe("/s/scene.blend");
});

test("words about this machine's files name the artist's", () => {
  const rules = [
    rule("/home/ann", "/s/home/ann"),
    rule("C:\\shot", "/s/C/shot"),
    rule("/s/home/ann", "/s/home/ann"),
  ];
  const shared = [rule("S:\\show", "/mnt/show"), rule("/Volumes/show", "/mnt/show")];
  const said = "no /mnt/show/a.png";
  expect(atHome(said, "/mnt/show/a.blend", shared)).toBe(said);
  expect(atHome(said, "S:\\show\\a.blend", shared)).toBe("no S:\\show/a.png");
  expect(atHome('no "/s/home/ann/a.png", no /s/C/shot, no /s/b', "/home/ann/a.blend", rules)).toBe(
    'no "/home/ann/a.png", no C:\\shot, no /s/b',
  );
});

test("a session without rules writes {}", async () => {
  const file = join(testFolder(), "rules.json");
  writeFileSync(file, "{}");
  expect(await readRules(file)).toEqual([]);
  expect(await readRules("")).toEqual([]);
  const rules = [rule("/a", "/b")];
  writeFileSync(file, pathMappingDocument(rules));
  expect(await readRules(file)).toEqual(rules);
});
