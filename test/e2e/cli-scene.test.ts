// The command line with real scenes: what is found at submit, and frames that come home.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findBlenders, type BlenderInstall } from "../../container/agent/blender/discover.ts";
import { pythonCommand } from "../../container/agent/blender/blender-process.ts";
import { createDesk, type Desk } from "./cli-support.ts";
import { ofThisWorker } from "../support/this-worker.ts";

let desk: Desk;
let oldest: BlenderInstall;
let newest: BlenderInstall;

/** Small scenes, one for each thing that can be wrong. */
const scenes = `
import bpy, os, sys
folder = sys.argv[-1]
def fresh():
    bpy.ops.wm.read_factory_settings()
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.cycles.samples, scene.cycles.use_denoising, scene.cycles.device = 1, False, "CPU"
    scene.render.resolution_x, scene.render.resolution_y, scene.frame_end = 64, 36, 3
    bpy.context.preferences.filepaths.save_version = 0
    return scene
def save(name):
    bpy.ops.wm.save_as_mainfile(filepath=os.path.join(folder, name + ".blend"))
fresh(); save("plain")
scene = fresh(); scene.camera = None; bpy.data.objects.remove(bpy.data.objects["Camera"]); save("no-camera")
scene = fresh(); scene.camera = None; save("idle-camera")
scene = fresh(); scene.render.filepath = "//out/still_"; scene.render.use_overwrite = False; save("keeps")
scene = fresh()
image = bpy.data.images.new("gone", 4, 4); image.source = "FILE"; image.filepath = "//gone/texture.png"
material = bpy.data.materials.new("m"); material.use_nodes = True
node = material.node_tree.nodes.new("ShaderNodeTexImage"); node.image = image
material.node_tree.links.new(node.outputs[0], material.node_tree.nodes["Principled BSDF"].inputs[0])
bpy.data.objects["Cube"].data.materials[0] = material; save("missing")
scene = fresh(); text = bpy.data.texts.new("rig.py"); text.write("import bpy"); text.use_module = True; save("scripts")
scene = fresh()
if hasattr(scene.render.image_settings, "media_type"): scene.render.image_settings.media_type = "VIDEO"
scene.render.image_settings.file_format = "FFMPEG"; save("movie")
`;

beforeAll(async () => {
  desk = await createDesk();
  const found = (await findBlenders()).toSorted((a, b) => Number(a.series) - Number(b.series));
  [oldest, newest] = [found[0] as BlenderInstall, found.at(-1) as BlenderInstall];
  const script = join(desk.folder, "scenes.py");
  await writeFile(script, scenes);
  await promisify(execFile)(oldest.path, pythonCommand(oldest, script, [desk.folder]), {
    maxBuffer: 1 << 26,
  });
  const whole = await readFile(join(desk.folder, "plain.blend"));
  await writeFile(join(desk.folder, "cut.blend"), whole.subarray(0, 20_000));
});

afterAll(async () => {
  await desk.close();
});

describe("found at submit, each with the flag that mends it, and nothing is submitted", () => {
  test.each<[string, string[], RegExp]>([
    [
      "a .blend that does not exist",
      ["plian.blend"],
      /There is no file .*plian\.blend.* Did you mean .*plain\.blend\?/,
    ],
    ["a truncated .blend", ["cut.blend"], /cut\.blend is cut off/],
    ["no camera", ["no-camera.blend"], /has no camera\. Add one in Blender/],
    ["no active camera", ["idle-camera.blend"], /no active camera\. Name one: --camera "Camera"\./],
    [
      "a misspelt camera",
      ["plain.blend", "--camera", "Camrea"],
      /no camera "Camrea"\. Did you mean "Camera"\?/,
    ],
    ["a misspelt view layer", ["plain.blend", "--view-layer", "Viewlayer1"], /Did you mean "ViewLayer"\?/],
    ["a misspelt scene", ["plain.blend", "--scene", "Scen"], /no scene "Scen"\. Did you mean "Scene"\?/],
    ["a misspelt engine", ["plain.blend", "--engine", "cylces"], /Did you mean cycles\?/],
    ["a misspelt flag", ["plain.blend", "--frmaes", "1-3"], /no option --frmaes\. Did you mean --frames\?/],
    ["a movie format", ["movie.blend"], /writes a movie .*--format PNG/],
    ["a movie format typed", ["plain.blend", "--format", "FFMPEG"], /is a movie.*--format PNG/],
    ["missing files", ["missing.blend"], /A file is missing:\n.*gone\/texture\.png\n.*--allow-missing/],
    [
      "scripts that are blocked",
      ["scripts.blend"],
      /do not run without your leave.*\n.*rig\.py.*\n.*--allow-scripts/,
    ],
    [
      "a range that ends before it starts",
      ["plain.blend", "--frames", "10-1"],
      /ends before it starts\. Write 1-10/,
    ],
    ["a frame twice", ["plain.blend", "--frames", "1-5,3"], /Frame 3 is named twice/],
    [
      "a Blender that is not here",
      ["plain.blend", "--blender", "9.9"],
      /not 9\.9\. Install it with: tally blender install 9\.9/,
    ],
  ])("%s", async (_, args, sentence) => {
    const { code, err, out } = await desk.tally("submit", ...args);
    expect(err).toMatch(sentence);
    expect(err).not.toContain("    at ");
    expect(out).toBe("");
    expect(code).toBeGreaterThan(0);
    expect(existsSync(join(desk.dataFolder, "connection.json"))).toBe(false);
  });

  test("several mistakes at once are all told", async () => {
    const { err } = await desk.tally("submit", "missing.blend", "--camera", "Cam2", "--view-layer", "none");
    expect(err).toMatch(
      /^missing\.blend cannot be submitted as it is:\n- .*view layer "none".*\n- .*camera "Cam2".*\n- A file is missing/,
    );
  });

  test("and the flags do mend it", async () => {
    for (const args of [
      ["idle-camera.blend", "--camera", "Camera"],
      ["movie.blend", "--format", "PNG"],
      ["missing.blend", "--allow-missing"],
      ["scripts.blend", "--allow-scripts"],
    ]) {
      // oxlint-disable-next-line no-await-in-loop -- one Blender at a time
      const { code, out, err } = await desk.tally("submit", ...args, "--dry-run");
      expect(err + out).toContain("Nothing was submitted.");
      expect(code).toBe(0);
    }
  });
});

test("--dry-run shows frames, tasks and size; it starts no broker and changes nothing", async () => {
  const { out, code } = await desk.tally("submit", "plain.blend", "--dry-run", "--frames", "1-9:2");
  expect(out).toMatch(
    new RegExp(
      `^Blender ${oldest.version}\\n5 frames: 1-9:2\\n  first  ${desk.folder}/render/plain/0001.png\\n  last   ${desk.folder}/render/plain/0009.png\\n5 tasks; the scene is \\d+ kB\\nNothing was submitted\\.\\n$`,
    ),
  );
  expect(code).toBe(0);
  expect(existsSync(join(desk.dataFolder, "connection.json"))).toBe(false);
});

test("submit answers with number, first and last file; the frames come home under these names", async () => {
  const { out, code } = await desk.tally("submit", "keeps.blend", "--wait");
  expect(out).toContain(`3 frames: 1-3\n`);
  const [first, last] = ["0001", "0003"].map((number) => join(desk.folder, "out", `still_${number}.png`)) as [
    string,
    string,
  ];
  expect(out).toContain(`  first  ${first}\n  last   ${last}\n`);
  expect(out).toMatch(ofThisWorker(/frame 3\/3 +\d\.\d s +…\/out\/still_0003\.png +\[NAME, CPU\]/));
  expect(out).toContain(`Job 1 is done: 3 frames`);
  expect(code).toBe(0);
  expect(existsSync(last)).toBe(true);

  // The scene's Overwrite switch is off, so its files stay; --overwrite says otherwise.
  const before = (await stat(first)).mtimeMs;
  const again = await desk.tally("submit", "keeps.blend", "--wait", "--frames", "1");
  expect(again.err).toContain("This frame is there already");
  expect((await stat(first)).mtimeMs).toBe(before);
  await desk.tally("submit", "keeps.blend", "--wait", "--frames", "1", "--overwrite");
  expect((await stat(first)).mtimeMs).toBeGreaterThan(before);
});

test("--encode makes a film of the frames too, beside them", async () => {
  const flags = ["--frames", "2-4", "-o", "film/", "--encode", "vp9", "--fps", "12", "--quality", "low"];
  const { out, code } = await desk.tally("submit", "plain.blend", ...flags, "--wait");
  const film = join(desk.folder, "film", "plain.webm");
  expect(out).toMatch(/^Job \d+: plain, 3 frames and a film$/m);
  expect(out).toContain(`  film   ${film}\n`);
  expect(out).toMatch(/Job \d+ is done/);
  expect(code).toBe(0);
  expect(existsSync(join(desk.folder, "film", "0004.png"))).toBe(true);
  const entries = "stream=codec_name,r_frame_rate,nb_read_frames";
  const { stdout } = await promisify(execFile)("ffprobe", [
    "-v",
    "error",
    "-count_frames",
    "-show_entries",
    entries,
    "-of",
    "csv=p=0",
    film,
  ]);
  expect(stdout.trim()).toBe("vp9,12/1,3");
});

test("a file name that another live job writes is refused with the flag that allows it", async () => {
  const submit = (...more: string[]) => desk.tally("submit", "plain.blend", "--paused", ...more);
  const { out } = await submit();
  const number = /^Job (\d+)/m.exec(out)?.[1];
  const refused = await submit("--frames", "3-8");
  expect(refused.err).toContain(`Job ${number} is writing ${desk.folder}/render/plain/####.png too, frame 3`);
  expect(refused.err).toContain("--allow-shared-output");
  expect(refused.code).toBe(1);
  expect((await submit("--frames", "4-8")).code).toBe(0);
  expect((await submit("--frames", "3-8", "--allow-shared-output")).code).toBe(0);
});

test.skipIf(process.platform === "win32")(
  "a scene renders on the nearest newer Blender when told to, and the job says which",
  async () => {
    const { out } = await desk.tally(
      "submit",
      "plain.blend",
      "--blender",
      newest.series,
      "--frames",
      "2",
      "-o",
      "new/",
      "--json",
    );
    const { job, files, blender } = JSON.parse(out) as {
      job: { number: number };
      files: { first: string };
      blender: string;
    };
    expect(blender).toBe(newest.version);
    expect(files.first).toBe(join(desk.folder, "new", "0002.png"));
    expect((await desk.tally("watch", String(job.number))).code).toBe(0);
    expect(existsSync(files.first)).toBe(true);
    expect((await desk.tally("logs", String(job.number))).out).toMatch(/Saved: .*0002\.png/);
  },
);
