// The page of bad days names tests that exist, each with a row's own words.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../..");
const rows = readFileSync(join(root, "docs/bad-days.md"), "utf8")
  .split("\n")
  .filter((line) => line.includes(" › "))
  .map((line) => /`([^`]+)` › (.+) \|$/.exec(line)?.slice(1) ?? [line, ""]) as [string, string][];

test("there are rows", () => expect(rows.length).toBeGreaterThan(40));

test.each(rows)("%s › %s", (file, name) => {
  expect(existsSync(join(root, file)), file).toBe(true);
  const text = readFileSync(join(root, file), "utf8");
  expect(
    [`"${name}"`, `'${name}'`, `\`${name}\``].some((quoted) => text.includes(quoted)),
    name,
  ).toBe(true);
});
