// Path mapping: longest source first, whole names only, each system's own spelling.
import { expect, test } from "vitest";
import { mapPath, parsePathMappingRules, pathMappingDocument, type PathMappingRule } from "./path-mapping.ts";

const rules: PathMappingRule[] = [
  { sourcePathFormat: "POSIX", sourcePath: "/mnt/show", destinationPath: "/local/show" },
  { sourcePathFormat: "POSIX", sourcePath: "/mnt/show/lib", destinationPath: "/fast/lib" },
  { sourcePathFormat: "WINDOWS", sourcePath: "Z:\\Show", destinationPath: "/local/z" },
  { sourcePathFormat: "WINDOWS", sourcePath: "\\\\nas\\share", destinationPath: "/nas" },
  { sourcePathFormat: "POSIX", sourcePath: "/win", destinationPath: "D:\\work" },
];

test.each([
  ["/mnt/show/a.blend", "/local/show/a.blend"],
  ["/mnt/show", "/local/show"],
  ["/mnt/show/", "/local/show/"],
  ["/mnt/shows/a", "/mnt/shows/a"],
  ["/mnt/show/lib/x", "/fast/lib/x"],
  ["/mnt/show//a", "/local/show/a"],
  ["/mnt/./show/a", "/local/show/a"],
  ["/mnt/show/../x", "/local/show/../x"],
  ["/MNT/show/a", "/MNT/show/a"],
  ["//mnt/show/a", "//mnt/show/a"],
  ["mnt/show/a", "mnt/show/a"],
  ["/other", "/other"],
  ["", ""],
  ["Z:\\Show\\a\\b.exr", "/local/z/a/b.exr"],
  ["z:/SHOW/a", "/local/z/a"],
  ["Z:\\Showroom", "Z:\\Showroom"],
  ["\\\\NAS\\Share\\x\\y", "/nas/x/y"],
  ["/win/a/b", "D:\\work\\a\\b"],
])("%s becomes %s", (path, mapped) => {
  expect(mapPath(path, rules)).toBe(mapped);
});

test("a root maps to a root", () => {
  const toRoot: PathMappingRule[] = [{ sourcePathFormat: "POSIX", sourcePath: "/mnt", destinationPath: "/" }];
  expect([mapPath("/mnt", toRoot), mapPath("/mnt/a", toRoot)]).toEqual(["/", "/a"]);
  const fromRoot: PathMappingRule[] = [
    { sourcePathFormat: "POSIX", sourcePath: "/", destinationPath: "/all" },
  ];
  expect(mapPath("/a/b", fromRoot)).toBe("/all/a/b");
});

test("rules survive being written and read", () => {
  expect(parsePathMappingRules(pathMappingDocument(rules))).toEqual(rules);
});

test.each([
  "nonsense",
  "{}",
  "[]",
  '{"version": "pathmapping-2.0", "path_mapping_rules": []}',
  '{"version": "pathmapping-1.0", "path_mapping_rules": [{"source_path": "/a", "destination_path": "/b"}]}',
  '{"version": "pathmapping-1.0", "path_mapping_rules": [{"source_path_format": "MAC", "source_path": "/a", "destination_path": "/b"}]}',
])("%s is refused in a sentence", (text) => {
  expect(() => parsePathMappingRules(text)).toThrow(/path mapping/i);
});
