// The film template is the whole of the render template and more: what they share never drifts apart.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";

type Parameter = { name: string; default?: unknown };
type Template = {
  name: string;
  extensions: string[];
  parameterDefinitions: Parameter[];
  steps: { name: string; dependencies?: unknown }[];
};

const read = (name: string): Template =>
  parse(
    readFileSync(join(import.meta.dirname, "../../container/templates", `${name}.yaml`), "utf8"),
  ) as Template;

const own = ["Pictures", "Film", "Codec", "Quality", "FramesPerSecond"];

test("blender-film has every parameter of blender-render, in the same words, and its own five", () => {
  const [render, film] = [read("blender-render"), read("blender-film")];
  const named = ({ parameterDefinitions }: Template): Parameter[] =>
    parameterDefinitions.map((one) => (one.name === "JobName" ? { ...one, default: "" } : one));
  expect(named(film).filter((one) => !own.includes(one.name))).toEqual(named(render));
  expect(film.parameterDefinitions.map((one) => one.name).slice(-own.length)).toEqual(own);
  expect([film.name, film.extensions]).toEqual([render.name, render.extensions]);
});

test("blender-film renders with the very step of blender-render and encodes after it", () => {
  const [render, film] = [read("blender-render"), read("blender-film")];
  expect(film.steps.slice(0, -1)).toEqual(render.steps);
  expect(film.steps.at(-1)).toMatchObject({ name: "Encode", dependencies: [{ dependsOn: "Render" }] });
});
