// Proves that no file of the repository holds what belongs to one machine or one package source.
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root, sourceFiles } from "./files.ts";

const text = sourceFiles().filter(
  (path) => !/\.(png|jpe?g|webp|exr|blend|gz|zst|zip|ico|woff2?)$/.test(path),
);

function holding(pattern: RegExp, files: readonly string[]): string[] {
  return files.filter((path) => pattern.test(readFileSync(join(root, path), "utf8")));
}

function escaped(literal: string): RegExp {
  return new RegExp(literal.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
}

it("names no package source by its address in lock files and settings", () => {
  const settings = text.filter((path) =>
    /(lock|\.npmrc$|\.toml$|\.cfg$|requirements.*\.txt$|Dockerfile|^\.ci\/)/.test(path),
  );
  expect(settings).toContain("package-lock.json");
  expect(holding(/"resolved": "http|registry ?= ?"?http|index-url|extra-index/, settings)).toEqual([]);
});

it("holds no path of the machine it is checked on", () => {
  // Only places that are somebody's own: a home folder, and the folder this clone lies in.
  const own = [root, homedir()].filter((path) => path.split(/[\\/]/).filter(Boolean).length >= 2);
  expect(own.flatMap((path) => holding(escaped(path), text))).toEqual([]);
});

it("sees the files it is about", () => {
  expect(text.length).toBeGreaterThan(20);
  expect(text).toContain("scripts/tracked.test.ts");
});
