// The vectors of manifests, run against the contract.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  manifestProblems,
  manifestSchema,
  pathNames,
  type Manifest,
} from "../../broker/contract/manifest.ts";

interface Cases {
  paths: {
    name: string;
    given: { path: string; format: Manifest["format"] };
    expect: { names: string[] | null };
  }[];
  manifests: { name: string; given: { manifest: unknown }; expect: { problems: string[] } }[];
}
const cases = JSON.parse(readFileSync(join(import.meta.dirname, "manifest.json"), "utf8")) as Cases;

test.for(cases.paths)("names of a path: $name", ({ given, expect: wanted }) => {
  expect(pathNames(given.path, given.format)).toEqual(wanted.names);
});

test.for(cases.manifests)("manifest: $name", ({ given, expect: wanted }) => {
  expect(manifestProblems(manifestSchema.parse(given.manifest))).toEqual(wanted.problems);
});
