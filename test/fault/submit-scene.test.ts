// What is found at submit, through the command line: each mistake in a sentence with the flag that mends it, and
// nothing is started or stored for it.
import {
  copyFileSync,
  existsSync,
  readFileSync,
  readdirSync,
  renameSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { untilState } from "../support/builders.ts";
import { openStudio, type Studio } from "../support/studio.ts";

let studio: Studio;
beforeAll(() => {
  studio = openStudio();
});
afterAll(() => studio.close());

/** The words of a refusal; fails when the job was taken. */
async function refused(...args: string[]): Promise<string> {
  const ran = await studio.tally("submit", ...args);
  expect(ran.code, ran.text).toBeGreaterThan(0);
  return ran.text.trimEnd();
}

/** Whoever only made a mistake has no broker started for it. */
function expectNoBroker(): void {
  expect(readdirSync(studio.dataFolder)).toEqual(["tally.yaml"]);
  expect(studio.processes("")).toEqual([]);
}

test("a .blend that does not exist, with the name that was meant", async () => {
  const scene = studio.scene("anim");
  expect(await refused(join(dirname(scene), "anmi.blend"))).toBe(
    `There is no file ${join(dirname(scene), "anmi.blend")}. Check the path and try again. Did you mean ${scene}?`,
  );
  expectNoBroker();
});

test("a misspelt setting: option, format, engine, camera, view layer, scene and parameter", async () => {
  const scene = studio.scene("anim");
  const words = await Promise.all([
    refused(scene, "--sampels", "3"),
    refused(scene, "--format", "PGN"),
    refused(scene, "--engine", "cyclse"),
    refused(scene, "--device", "gup"),
  ]);
  expect(words).toEqual([
    "tally submit has no option --sampels. Did you mean --samples? Type: tally submit --help",
    '--format does not know "PGN". Did you mean "PNG"?',
    '--engine does not know "cyclse". Did you mean cycles?',
    '--device does not know "gup". Did you mean gpu? Type: tally submit --help',
  ]);
  expect(await refused(scene, "--camera", "Camra", "--view-layer", "Viewlayr")).toBe(
    `${scene} cannot be submitted as it is:\n- The scene "Scene" has no view layer "Viewlayr". Did you mean "ViewLayer"?\n- The scene "Scene" has no camera "Camra". Did you mean "Camera"?`,
  );
  expect(await refused(scene, "--scene", "Scen")).toBe('The file has no scene "Scen". Did you mean "Scene"?');
  expect(await refused(scene, "--engine", "LUXCORE")).toMatch(
    /^Blender \d+\.\d+\.\d+ has no render engine "LUXCORE"\. .* --engine cycles\.$/,
  );
  expect(await refused(scene, "-p", "Samples=3")).toMatch(/^-p Samples=3 is for templates\. .*--samples/);
  expectNoBroker();
});

test("a missing setting: no scene at all, an option without its value, a parameter of a template", async () => {
  const scene = studio.scene("anim");
  expect(await refused()).toMatch(/^What should be rendered\? Give a scene: tally submit shot\.blend\./);
  expect(await refused(scene, "--samples")).toMatch(/^--samples needs a value\./);
  const template = join(studio.folder, "copy.yaml");
  copyFileSync(join(import.meta.dirname, "../../container/templates/blender-render.yaml"), template);
  expect(await refused(template)).toBe(
    "The parameter Scene needs a value. Give one with -p Scene=…\nThe parameter Frames needs a value. Give one with -p Frames=…",
  );
  expectNoBroker();
});

test("a movie format, given or the scene's own: --format PNG mends it", async () => {
  const scene = studio.scene("movie");
  expect(await refused(scene, "--format", "FFMPEG")).toMatch(
    /is a movie, .*Use --format PNG for .*, and --encode too for a film/,
  );
  expect(await refused(scene)).toMatch(
    /^The scene writes a movie \(FFMPEG\), .*Use --format PNG for .*, and --encode too for a film of them when all are done\.$/,
  );
  expectNoBroker();
});

test("no camera: refused where Blender refuses, --camera mends it", async () => {
  expect(await refused(studio.scene("nocamera"))).toBe(
    'The scene "Scene" has no active camera. Name one: --camera "Camera".',
  );
  expectNoBroker();
});

test("a truncated .blend and one that is none are refused before Blender opens them", async () => {
  const scene = studio.scene("anim");
  truncateSync(scene, 200_000);
  expect(await refused(scene)).toBe(
    `The file ${scene} is cut off: its end is missing. Save the scene again in Blender.`,
  );
  writeFileSync(scene, "no scene at all");
  expect(await refused(scene)).toMatch(/is not a Blender file/);
  expectNoBroker();
});

test("a .blend that is damaged inside is refused with Blender's own words about the artist's file", async () => {
  const scene = studio.scene("anim");
  const bytes = readFileSync(scene);
  bytes.fill(0x55, Math.floor(bytes.length / 3), Math.floor(bytes.length / 2));
  writeFileSync(scene, bytes);
  const words = await refused(scene);
  expect(words).toMatch(
    /^The scene's file is cut off or damaged \(Blender: "[^"]+"\)\. Save it again in Blender, then submit again\.$/,
  );
  expect(words).toContain(`Failed to read blend file '${scene}'`);
  expectNoBroker();
});

test("missing files are listed; a linked library and a texture", async () => {
  const linked = studio.scene("linked");
  const library = join(dirname(linked), "lib", "asset.blend");
  renameSync(library, `${library}.away`);
  expect(await refused(linked)).toBe(
    `A file is missing:\n    library ${library}\n  Put it back, or go on all the same: --allow-missing.`,
  );
  const textured = studio.scene("textured");
  const texture = join(dirname(textured), "tex", "red.png");
  renameSync(texture, `${texture}.away`);
  expect(await refused(textured)).toContain(`texture ${texture}\n`);
  expectNoBroker();
});

test("blocked scripts and drivers are named at submit; --allow-scripts mends it", async () => {
  expect(await refused(studio.scene("scripterror"))).toMatch(
    /would render wrong:\n +script "on_frame\.py"\n +If you trust this file: --allow-scripts\. To render without them: --allow-missing\.$/,
  );
  expect(await refused(studio.scene("pydriver"))).toMatch(
    /driver location = nothing_of_that_name\(frame\)\n.*--allow-scripts\./,
  );
  expectNoBroker();
});

test("each flag that mends a scene makes it render: missing files, no camera, movie, VSE and compositor scenes", async () => {
  const linked = studio.scene("linked");
  renameSync(join(dirname(linked), "lib", "asset.blend"), join(dirname(linked), "gone.blend"));
  const jobs = [
    await studio.submit(studio.scene("pydriver"), "--frames", "1", "--allow-missing"),
    await studio.submit(linked, "--frames", "1", "--allow-missing"),
    await studio.submit(studio.scene("nocamera"), "--frames", "1", "--camera", "Camera"),
    await studio.submit(studio.scene("movie"), "--frames", "1", "--format", "PNG"),
    await studio.submit(studio.scene("strips"), "--frames", "1-2"),
    await studio.submit(studio.scene("composite"), "--frames", "1"),
  ];
  for (const number of jobs) {
    // oxlint-disable-next-line no-await-in-loop -- one worker renders them one after the other
    const ran = await studio.tally("watch", String(number));
    expect(ran.code, ran.text).toBe(0);
    const [, folder = ""] = /They are in (.*)|It is in (.*)/.exec(ran.text)?.filter(Boolean) ?? [];
    expect(readdirSync(folder).length).toBeGreaterThan(0);
  }
});

test("a file name that another live job writes; --allow-shared-output goes on", async () => {
  const scene = studio.scene("anim");
  const first = await studio.submit(scene, "--frames", "1-3", "--paused");
  const { items: before } = await studio.api.ok("listJobs");
  expect(await refused(scene, "--frames", "3-5")).toMatch(
    new RegExp(
      `^Job ${first} is writing .*frame_####\\.png too, frame 3 for one\\. .*tally cancel ${first}.*--allow-shared-output\\.$`,
      "m",
    ),
  );
  expect((await studio.api.ok("listJobs")).items).toHaveLength(before.length);
  // Other frames of the same name are other files.
  const apart = await studio.submit(scene, "--frames", "4-5", "--paused");
  const second = await studio.submit(scene, "--frames", "3", "--allow-shared-output");
  await untilState(studio.api, second, "succeeded");
  expect(existsSync(join(dirname(scene), "render"))).toBe(true);
  for (const number of [first, apart])
    // oxlint-disable-next-line no-await-in-loop -- two commands
    expect((await studio.tally("cancel", String(number))).code).toBe(0);
  // Over now, so nobody else writes there.
  expect(await studio.submit(scene, "--frames", "1", "--paused")).toBeGreaterThan(second);
});
