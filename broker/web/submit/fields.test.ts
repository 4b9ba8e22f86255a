// A form from every shipped template and from the sample with one parameter for each control.
// oxlint-disable no-restricted-imports -- a test runs in Node, not in a browser
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readTemplateText } from "../../openjd/document.ts";
import { checkJobTemplate } from "../../openjd/template.ts";
import { checkWords, fieldOf, groupsOf, mistakeOf, parametersOf, sortMistakes } from "./fields.ts";

const root = join(import.meta.dirname, "../../..");
const definitionsOf = (path: string) =>
  checkJobTemplate(readTemplateText(readFileSync(join(root, path), "utf8")).document).template
    ?.parameterDefinitions ?? [];
const controls = definitionsOf("test/samples/bundles/controls/template.json");
const render = definitionsOf("container/templates/blender-render.yaml");

describe("the form", () => {
  it("has a control for each of OpenJD's, hides what is hidden, keeps groups", () => {
    const groups = groupsOf(controls);
    expect(
      groups.map(({ title, fields }) => [title, fields.map(({ name, control }) => [name, control])]),
    ).toEqual([
      [
        "",
        [
          ["Day", "choice"],
          ["Yes", "check"],
          ["Whole", "number"],
          ["Real", "number"],
          ["Choice", "choice"],
          ["In", "file"],
          ["Out", "file"],
        ],
      ],
      [
        "Text",
        [
          ["Line", "line"],
          ["Lines", "lines"],
        ],
      ],
    ]);
  });

  it("knows bounds, steps, presets and filters", () => {
    const fields = groupsOf(controls).flatMap((group) => group.fields);
    const named = (name: string) => fields.find((field) => field.name === name);
    expect(named("Whole")).toMatchObject({ min: "-100", max: "100", step: "5", preset: "42" });
    expect(named("Real")).toMatchObject({ step: "0.01", preset: "100000.01" });
    expect(named("Out")).toMatchObject({ isOutput: true });
    expect(named("In")).toMatchObject({ patterns: ["*"], isOutput: false });
    expect(groupsOf(render).flatMap((group) => group.fields)[1]).toMatchObject({
      label: "Scene",
      preset: null,
      patterns: ["*.blend"],
    });
    const rendered = groupsOf(render).flatMap((group) => group.fields);
    const means = (name: string) => rendered.find((field) => field.name === name)?.presetMeans;
    expect(["Samples", "FrameTimeout", "Format", "Frames", "MotionBlur"].map(means)).toEqual([
      "as the scene has it",
      "never",
      "as the scene has it",
      null,
      null,
    ]);
  });

  it("shows a hidden parameter that has no preset: somebody must give it", () => {
    const field = fieldOf({ name: "SecretPlace", type: "STRING", userInterface: { control: "HIDDEN" } });
    expect([field.hidden, field.label]).toEqual([false, "Secret place"]);
  });

  it("sends only what differs from the presets", () => {
    const groups = groupsOf(render);
    expect(
      parametersOf(groups, { Frames: "1-10", Samples: "0", Threads: "", Scene: "/a/b.blend", Camera: "" }),
    ).toEqual({
      Frames: "1-10",
      Scene: "/a/b.blend",
    });
    expect(parametersOf(groupsOf(controls), { Line: "" })).toEqual({ Line: "" });
  });
});

it.each([
  ["Frames", "", "At least 1"],
  ["Samples", "-1", "The least is 0."],
  ["Samples", "1.5", "whole number"],
  ["Scene", undefined, "This is needed."],
  ["Samples", "12", null],
  ["Camera", "", null],
])("says about %s = %j: %s", (name, value, words) => {
  const field = render.map(fieldOf).find((one) => one.name === name);
  if (!field) throw new Error(`no field ${name}`);
  const said = mistakeOf(name === "Frames" ? { ...field, preset: null } : field, value);
  if (words === null) expect(said).toBeNull();
  else expect(said).toMatch(name === "Frames" ? "is needed" : words);
});

it("knows both words of a check box, whatever they are", () => {
  expect(checkWords(fieldOf({ name: "A", type: "STRING", allowedValues: ["OFF", "ON"] }))).toEqual({
    on: "ON",
    off: "OFF",
  });
});

it("puts the broker's errors beside their fields", () => {
  expect(
    sortMistakes(
      [
        { pointer: "parameters.Samples", detail: "Samples: -1 is less than 0, the smallest allowed value." },
        {
          pointer: "parameters.Scene",
          detail: "The parameter Scene needs a value. Give one with -p Scene=…",
        },
        { pointer: "parameters.Nobody", detail: "No such parameter." },
        { pointer: "settings.pool", detail: "no such pool" },
        { pointer: "template.steps[0].script", detail: "It is missing." },
        { pointer: "template", detail: "Line 3 is not valid YAML." },
      ],
      ["Samples", "Scene"],
    ),
  ).toEqual({
    fields: {
      Samples: "-1 is less than 0, the smallest allowed value.",
      Scene: "The parameter Scene needs a value.",
    },
    settings: { pool: "no such pool" },
    rest: [
      { where: "parameters.Nobody", detail: "No such parameter." },
      { where: "steps[0].script", detail: "It is missing." },
      { where: "template", detail: "Line 3 is not valid YAML." },
    ],
  });
});

it("wants full paths for where files go, and leaves other words alone", () => {
  const fields = definitionsOf("container/templates/blender-film.yaml").map(fieldOf);
  const told = (name: string, value: string) => {
    const field = fields.find((one) => one.name === name);
    if (field === undefined) throw new Error(`there is no ${name}`);
    return mistakeOf(field, value);
  };
  expect(told("Output", "out/")).toContain("This is no full path");
  expect(told("Pictures", "p_####.png")).toContain("This is no full path");
  expect(told("Film", "f.mp4")).toContain("This is no full path");
  for (const place of ["/out/", "/out/p_####.png", "C:\\out\\p_####", "\\\\server\\out\\"])
    expect(told("Output", place)).toBeNull();
  expect(told("Output", "")).toBeNull();
  // A template of somebody else may mean something else by this name.
  expect(told("Output", "beauty")).toBeNull();
});
