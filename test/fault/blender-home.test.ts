// Where frames come home: exactly where a local render would have put them, File Output nodes included.
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { renderLocally } from "../support/scenes.ts";
import { openStudio, type Studio } from "../support/studio.ts";

let studio: Studio;
beforeAll(async () => {
  studio = openStudio();
  await studio.startBroker();
});
afterAll(() => studio.close());

/** Every file below a folder, relative and sorted. */
const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name).slice(folder.length + 1))
    .toSorted();

/** Submits and waits; the job must end well. Returns what was said. */
async function renders(...args: string[]): Promise<string> {
  const ran = await studio.tally("submit", ...args, "--wait");
  expect(ran.code, ran.text).toBe(0);
  return ran.text;
}

test("frames home: Blender's default output becomes render/<blend name>/#### beside the scene", async () => {
  const scene = studio.scene("tmpout", { as: "my shot.v2" });
  const text = await renders(scene, "--frames", "1-2");
  const folder = join(dirname(scene), "render", "my shot.v2");
  expect(text).toContain(`first  ${join(folder, "0001.png")}\n  last   ${join(folder, "0002.png")}`);
  expect(filesIn(dirname(scene))).toEqual([
    "my shot.v2.blend",
    "render/my shot.v2/0001.png",
    "render/my shot.v2/0002.png",
  ]);
});

test("frames home: -o overrides, as a folder, as a name, and with the format of its extension", async () => {
  const scene = studio.scene("anim");
  const text = await renders(
    scene,
    "--frames",
    "2,-3",
    "-o",
    join(studio.folder, "else where", "s_##_v1.exr"),
  );
  expect(filesIn(join(studio.folder, "else where"))).toEqual(["s_-03_v1.exr", "s_02_v1.exr"]);
  expect(readFileSync(join(studio.folder, "else where", "s_02_v1.exr")).readUInt32LE()).toBe(20000630);
  expect(text).toMatch(/first {2}.*else where\/s_-?\d+_v1\.exr/);
  await renders(scene, "--frames", "1", "-o", "//out/");
  expect(filesIn(dirname(scene))).toEqual(["anim.blend", "out/0001.png"]);
});

test("frames home: the names of a local `blender -a`, File Output nodes near and far included", async () => {
  for (const name of ["stereo", "farnodes"]) {
    // A folder around the scene's own, for the node that saves outside of it.
    const around = join(studio.folder, `around-${name}`);
    mkdirSync(around);
    renameSync(dirname(studio.scene(name)), join(around, "scene"));
    const scene = join(around, "scene", `${name}.blend`);
    renderLocally(scene);
    const local = filesIn(around);
    expect(local.length).toBeGreaterThan(5);
    for (const folder of readdirSync(around, { recursive: true, encoding: "utf8" }))
      if (/\.(png|exr)$/.test(folder)) rmSync(join(around, folder));
    // oxlint-disable-next-line no-await-in-loop -- one scene after the other
    await renders(scene);
    expect(filesIn(around), name).toEqual(local);
  }
});

test("the scene's Overwrite switch off: frames that are there stay as they are, --overwrite renders them", async () => {
  const scene = studio.scene("keep");
  const home = (frame: number) => join(dirname(scene), "render", `frame_000${frame}.png`);
  mkdirSync(dirname(home(1)));
  writeFileSync(home(2), "drawn by hand");
  const text = await renders(scene, "--frames", "1-3");
  expect(text).toContain("1 frame is there already and is left out: 2");
  expect(filesIn(dirname(home(1)))).toEqual(["frame_0001.png", "frame_0002.png", "frame_0003.png"]);
  expect(readFileSync(home(2), "utf8")).toBe("drawn by hand");
  const again = await studio.tally("submit", scene, "--frames", "1-3");
  expect(again.code).toBe(1);
  expect(again.text).toBe(
    "All 3 frames are there already, and files that exist are kept. To render them again: --overwrite.\n",
  );
  await renders(scene, "--frames", "2", "--overwrite");
  expect(readFileSync(home(2)).subarray(1, 4).toString()).toBe("PNG");
});

test("a frame that appears at home after submit stays too", async () => {
  const scene = studio.scene("keep");
  const home = join(dirname(scene), "render", "frame_0002.png");
  const number = await studio.submit(scene, "--frames", "1-2", "--paused");
  mkdirSync(dirname(home));
  writeFileSync(home, "drawn by hand");
  await studio.tally("resume", String(number));
  const watched = await studio.tally("watch", String(number));
  expect(watched.code, watched.text).toBe(0);
  expect(readFileSync(home, "utf8")).toBe("drawn by hand");
});
