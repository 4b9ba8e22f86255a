// The files that a template's parameters mean.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testFolder } from "../../test/support/start-broker.ts";
import type { JobTemplate, PathParameterDefinition } from "../openjd/types.ts";
import { readInputParts, sequenceFiles } from "./template-inputs.ts";

function folderWith(...names: string[]): string {
  const folder = testFolder("tally-inputs-");
  for (const name of names) writeFileSync(join(folder, name), "");
  return folder;
}

test("a name with #### or %04d means the pictures of the sequence, others beside them not", () => {
  const folder = folderWith(
    "a_0001.png",
    "a_0010.png",
    "a_12345.png",
    "a_-0001.png",
    "a_1.png",
    "a_0001.exr",
    "a_x.png",
    "b_0001.png",
  );
  const names = (pattern: string) =>
    sequenceFiles(join(folder, pattern)).map((path) => path.slice(folder.length + 1));
  const all = ["a_-0001.png", "a_0001.png", "a_0010.png", "a_12345.png"];
  expect(names("a_####.png")).toEqual(all);
  expect(names("a_%04d.png")).toEqual(all);
  expect(names("a_%d.png")).toEqual([...all, "a_1.png"].toSorted());
  expect(names("a_0001.png")).toEqual([]);
  expect(names("c_####.png")).toEqual([]);
  expect(sequenceFiles(join(folder, "gone", "a_####.png"))).toEqual([]);
});

test("files, folders, sequences, what is missing and what the workers must have", () => {
  const folder = folderWith("one.txt", "a_0001.png", "a_0002.png");
  const define = (
    name: string,
    dataFlow: "IN" | "OUT" | "INOUT" | "NONE",
    objectType: "FILE" | "DIRECTORY",
  ) => ({ name, type: "PATH", dataFlow, objectType }) satisfies PathParameterDefinition;
  const template = {
    parameterDefinitions: [
      define("One", "IN", "FILE"),
      define("Sequence", "IN", "FILE"),
      define("Folder", "INOUT", "DIRECTORY"),
      define("Gone", "IN", "FILE"),
      define("Far", "IN", "DIRECTORY"),
      define("New", "INOUT", "DIRECTORY"),
      define("Out", "OUT", "FILE"),
      define("Named", "NONE", "FILE"),
      define("Empty", "IN", "FILE"),
    ],
  } as unknown as JobTemplate;
  const at = (name: string) => ({ type: "PATH" as const, value: name === "" ? "" : join(folder, name) });
  const { parts, missing, notes } = readInputParts(template, {
    One: at("one.txt"),
    Sequence: at("a_####.png"),
    Folder: at("."),
    Gone: at("gone.txt"),
    Far: at("far"),
    New: at("new"),
    Out: at("out.txt"),
    Named: at("one.txt"),
    Empty: at(""),
  });
  expect(parts).toEqual([
    { group: "One", files: [join(folder, "one.txt")], folders: [] },
    {
      group: "Sequence",
      files: [join(folder, "a_0001.png"), join(folder, "a_0002.png")],
      folders: [],
      keepsFolders: true,
    },
    { group: "Folder", files: [], folders: [folder] },
  ]);
  expect(missing).toEqual([`Gone: there is no file ${join(folder, "gone.txt")}.`]);
  expect(notes).toEqual([
    `Far: the folder ${join(folder, "far")} is not here, so it is not sent; a worker must have it.`,
  ]);
});
