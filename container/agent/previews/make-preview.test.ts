// Which program makes a preview: the Blender of the scene, ffmpeg, or whichever of them can.
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { pythonCommand } from "../blender/blender-process.ts";
import type { BlenderInstall } from "../blender/discover.ts";
import { blenders, testFolder } from "../blender/test-session.ts";
import { createPreviewMaker, type PreviewMaker } from "./make-preview.ts";
import { difference } from "./test-pictures.ts";

const folder = testFolder();
const target = join(folder, "small.jpg");
const [install] = blenders;
const look = (version: string, view: string): string => {
  const path = join(folder, `${version}-${view}.json`);
  const settings = { view_transform: view, exposure: 0, gamma: 1 };
  writeFileSync(path, JSON.stringify({ version, display: {}, view: settings, curves: null, space: null }));
  return path;
};

beforeAll(() => {
  if (install === undefined) throw new Error("This machine has no Blender. Type npm test.");
  const maker = join(import.meta.dirname, "../../blender/tests/make_exr_codecs.py");
  const args = install.kind === "bpy" ? [maker, "--"] : pythonCommand(install, maker);
  execFileSync(install.path, [...args, folder], { stdio: "pipe" });
});

function maker(known: readonly BlenderInstall[], env: NodeJS.ProcessEnv = process.env): PreviewMaker {
  const scratch = join(testFolder(), "scratch");
  mkdirSync(scratch);
  const made = createPreviewMaker(known, env, scratch);
  onTestFinished(() => made.close());
  return made;
}

const nowhere = { PATH: testFolder() };
const light = join(folder, "zip-16.exr");
const packed = join(folder, "dwaa-32.exr");
const apart = (): number => difference(target, join(folder, "truth.png"));

test("the Blender of the scene's version makes it, with the scene's look, and needs no ffmpeg", async () => {
  await maker(blenders, nowhere).make(light, target, look(install?.version ?? "", "Standard"));
  expect(apart()).toBeLessThan(2.5);
  await maker(blenders, nowhere).make(light, target, look(install?.version ?? "", "Filmic"));
  expect(apart()).toBeGreaterThan(10);
});

test("without that Blender ffmpeg makes it; without a look too", async () => {
  await maker([]).make(light, target, look("4.5.0", "Filmic"));
  expect(apart()).toBeLessThan(2.5);
  await maker(blenders).make(light, target, undefined);
  expect(apart()).toBeLessThan(2.5);
});

test("what ffmpeg cannot show a Blender shows, and so it does where there is no ffmpeg", async () => {
  await maker(blenders).make(packed, target, undefined);
  expect(apart()).toBeLessThan(2.5);
  await maker(blenders, nowhere).make(light, target, undefined);
  expect(apart()).toBeLessThan(2.5);
});

test("where neither can, it is said why", async () => {
  await expect(maker([]).make(packed, target, undefined)).rejects.toThrow("DWA");
  await expect(maker([], nowhere).make(light, target, undefined)).rejects.toThrow("no ffmpeg");
});

test("a Blender that does not come up is asked once, then ffmpeg makes them", async () => {
  const path = join(folder, "no-blender");
  writeFileSync(path, "#!/bin/sh\nexit 1\n", { mode: 0o755 });
  const broken: BlenderInstall = { series: "4.5", version: "4.5.0", path, kind: "blender", source: "config" };
  const one = maker([broken]);
  await one.make(light, target, look("4.5.0", "Filmic"));
  expect(apart()).toBeLessThan(2.5);
  await one.make(light, target, look("4.5.0", "Filmic"));
  await expect(maker([broken], nowhere).make(light, target, look("4.5.0", "Filmic"))).rejects.toThrow(
    "Blender ended (exit code 1)",
  );
});
