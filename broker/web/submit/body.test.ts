// The page sends for a form what the broker takes, with the folders that files may be brought home to.
// oxlint-disable no-restricted-imports -- a test runs in Node, not in a browser
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { submitSchema } from "../../contract/job.ts";
import { asksForName, bodyOf, emptySettings, newKey } from "./body.ts";
import { readTemplate, type ReadTemplate } from "./document.ts";

const root = join(import.meta.dirname, "../../..");
function templateAt(path: string): ReadTemplate {
  const { template } = readTemplate(readFileSync(join(root, path), "utf8"));
  if (template === null) throw new Error(`${path} is no template`);
  return template;
}

it("asks for pictures at their place, and for files where they lie", () => {
  const body = bodyOf(
    { templateName: "blender-render" },
    templateAt("container/templates/blender-render.yaml"),
    { Scene: "/shots/a.blend", Frames: "1-24", Output: "/shots/out/a_####.png" },
    { ...emptySettings, priority: "80" },
  );
  expect(body).toEqual({
    templateName: "blender-render",
    parameters: { Scene: "/shots/a.blend", Frames: "1-24", Output: "/shots/out/a_####.png" },
    settings: {
      priority: 80,
      filesInPlace: true,
      outputPattern: "/shots/out/a_####.png",
      outputFolders: ["/shots/out", "/shots"],
    },
  });
  expect(submitSchema.safeParse(body).success).toBe(true);
});

it("lets folders of OUT parameters be written to, of every system", () => {
  const controls = templateAt("test/samples/bundles/controls/template.json");
  const { settings } = bodyOf({ template: "…" }, controls, { Out: "C:\\made\\values.txt" }, emptySettings);
  expect(settings?.outputFolders).toEqual(["C:\\made"]);
});

it("names the job once: by the template's own field, or by Tally's where it has none", () => {
  const named = { ...emptySettings, name: " A " };
  const render = templateAt("container/templates/blender-render.yaml");
  expect([asksForName(render), bodyOf({ template: "…" }, render, {}, named).settings?.name]).toEqual([
    true,
    undefined,
  ]);
  const fixed = { ...render, name: "Nightly" };
  expect([asksForName(fixed), bodyOf({ template: "…" }, fixed, {}, named).settings?.name]).toEqual([
    false,
    "A",
  ]);
});

it("sends no setting that nobody chose", () => {
  const sample = templateAt("container/templates/generic-sample.yaml");
  expect(bodyOf({ templateName: "generic-sample" }, sample, {}, emptySettings).settings).toEqual({});
});

it("says where a template is wrong", () => {
  expect(readTemplate("specificationVersion: jobtemplate-2023-09\nname: a\nsteps: []")).toMatchObject({
    template: null,
    problems: [{ where: "steps" }],
  });
  expect(readTemplate("a: b: c").problems[0]?.detail).toMatch(/^Line 1 is not valid YAML/);
  expect(readTemplate("[]").problems).toHaveLength(1);
});

it("makes another key each time", () => {
  expect(new Set(Array.from({ length: 50 }, newKey)).size).toBe(50);
});

it("lets a scene save where it would at home, below its own folder", () => {
  const render = templateAt("container/templates/blender-render.yaml");
  const values = { Scene: "/shots/sc010/a.blend", Frames: "1-4" };
  const { settings } = bodyOf({ templateName: "blender-render" }, render, values, emptySettings);
  expect(settings?.outputFolders).toEqual(["/shots/sc010"]);
});

it("makes a film of the pictures that the same job renders", () => {
  const film = templateAt("container/templates/blender-film.yaml");
  const values = {
    Scene: "/shots/a.blend",
    Frames: "1-4",
    Pictures: "/shots/film/p_####.png",
    Film: "/shots/f.mp4",
  };
  const { parameters, settings } = bodyOf({ templateName: "blender-film" }, film, values, emptySettings);
  expect(parameters).toMatchObject({ Pictures: "/shots/film/p_####.png", Output: "/shots/film/p_####.png" });
  expect(settings).toMatchObject({
    outputPattern: "/shots/film/p_####.png",
    outputFolders: ["/shots", "/shots/film"],
  });
});
