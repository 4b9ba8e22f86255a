// The filters that both languages understand alike.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { nameFilter } from "./name-filter.ts";

interface Case {
  name: string;
  given: { filter: string; names: string[] };
  expect: { matches: string[] };
}

const cases = JSON.parse(
  readFileSync(join(import.meta.dirname, "../../test/vectors/filter.json"), "utf8"),
) as Case[];

test.each(cases)("$name", ({ given, expect: wanted }) => {
  expect(given.names.filter(nameFilter(given.filter))).toEqual(wanted.matches);
});

test("a filter of many stars answers at once", () => {
  expect(nameFilter(`${"*a".repeat(500)}b`)(`/x/${"a".repeat(4000)}`)).toBe(false);
});
