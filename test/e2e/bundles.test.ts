// Deadline Cloud job bundles, unchanged, through a broker and a worker that shares no folder with whoever submits them.
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { cp, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Attempt } from "../../broker/contract/attempt.ts";
import type { JobDetail } from "../../broker/contract/job.ts";
import { createFarDesk, type FarDesk } from "./far-desk.ts";

const own = join(import.meta.dirname, "../samples/bundles");
const run = promisify(execFile);

let far: FarDesk;
beforeAll(async () => {
  far = await createFarDesk();
  await far.agent();
});
afterAll(() => far.close());

/** Copies a bundle to the artist's folder, submits it and waits; answers where it lies, and what was said. */
async function runBundle(bundle: string, name: string, ...args: string[]) {
  const folder = join(far.artist.folder, name);
  await cp(bundle, folder, { recursive: true });
  // What an artist would bring along.
  if (/ffmpeg|sequence/.test(name)) await drawPictures(join(folder, "pictures"));
  const said = await far.artist.tally("submit", folder, "--wait", "--lines", ...args);
  const number = Number(/^Job (\d+):/m.exec(said.out)?.[1]);
  expect(said.out + said.err).toMatch(/Job \d+ is done/);
  expect(said.code).toBe(0);
  const read = (file: string): Promise<string> => readFile(join(folder, file), "utf8");
  return { folder, number, out: said.out, read };
}

/** Everything that the tries of a job printed. */
async function logOf(number: number): Promise<string> {
  const { items } = await far.client.call<{ items: Attempt[] }>("get", `/v1/jobs/${number}/attempts`);
  const logs = await Promise.all(
    items.map(async ({ id }) => (await far.client.raw("get", `/v1/attempts/${id}/log`)).text()),
  );
  return logs.join("\n");
}

describe("own samples", () => {
  test("hello: a parameter in an embedded file", async () => {
    const { number } = await runBundle(join(own, "hello"), "hello", "-p", "Words=Good morning");
    expect(await logOf(number)).toContain("Good morning");
  });

  test("sums: a folder that is read and written, `deadline:` settings honoured", async () => {
    const { number, read } = await runBundle(join(own, "sums"), "sums");
    expect(await read("data/sums.txt")).toMatch(
      /^[0-9a-f]{64} {2}\.\/one\.txt\n[0-9a-f]{64} {2}\.\/two words\.txt\n$/,
    );
    const job = await far.client.call<JobDetail>("get", `/v1/jobs/${number}`);
    expect(job.settings).toMatchObject({ priority: 70, maxFailedTasks: 1, maxRetries: 1, paused: false });
  });

  test("controls: every control of a form; Param is mapped, RawParam is not", async () => {
    const { folder, read } = await runBundle(join(own, "controls"), "controls");
    const lines = (await read("made/values.txt")).split("\n");
    expect(lines.slice(0, 4)).toEqual(["a line", "first", "second", "TUE true 42 10 100000.01 3.26"]);
    expect(lines).toContain(`raw ${folder}/template.json`);
    expect(lines).toContain(`raw ${folder}/made/values.txt`);
    expect(lines.find((line) => line.startsWith("here "))).toMatch(
      new RegExp(`^here (?!${folder}).*/files${folder}/template\\.json$`),
    );
  });

  test("variables: the step's count more than the job's", async () => {
    const { read } = await runBundle(join(own, "variables"), "variables", "-p", "Show=moon");
    expect(await read("out/variables.txt")).toBe(
      "TEST_LEVEL=step\nTEST_ONLY_JOB=yes\nTEST_ONLY_STEP=yes\nTEST_SHOW=moon\n",
    );
  });

  test("own-command: an environment puts a command on the PATH", async () => {
    const { read } = await runBundle(join(own, "own-command"), "own-command");
    for (const number of [1, 2, 3])
      expect(await read(`out/${number}.txt`)).toBe(`greetings, task ${number}\n`);
  });

  test("two-steps: a folder of scripts, and a step that reads what the one before made", async () => {
    const { read } = await runBundle(join(own, "two-steps"), "two-steps");
    expect(await read("workspace/totals/seconds.csv")).toBe("encode,2\nrender,42\n");
    expect(await read("workspace/csv/table.csv")).toBe(await read("data/times.csv"));
  });

  test("references: inputs and results that only asset_references names; hooks are named as ignored", async () => {
    const { read, out } = await runBundle(join(own, "references"), "references");
    expect(await read("made/deep/all.txt")).toBe("first\nsecond\n");
    expect(out).toContain("Left out: hooks.yaml. Tally runs no hooks.");
  });

  test("blender-frames: Blender as a plain command", async () => {
    const { folder } = await runBundle(join(own, "blender-frames"), "blender-frames", "-p", "Frames=2-3");
    expect((await readdir(join(folder, "output"))).toSorted()).toEqual(["frame_0002.png", "frame_0003.png"]);
  });

  test("sequence: pictures that one name with %04d means, and a film", async () => {
    const { folder } = await runBundle(join(own, "sequence"), "sequence");
    const flags = [
      "-v",
      "error",
      "-count_frames",
      "-show_entries",
      "stream=nb_read_frames",
      "-of",
      "csv=p=0",
    ];
    expect((await run("ffprobe", [...flags, join(folder, "films/turn.webm")])).stdout.trim()).toBe("4");
  });

  test("turntable: frames, a film and a poster side by side, a report of both", async () => {
    const { read, folder } = await runBundle(join(own, "turntable"), "turntable");
    expect(await read("output/report.txt")).toBe("4\nposter.png\n");
    const { stdout } = await run("ffprobe", [
      "-v",
      "error",
      "-show_entries",
      "stream=codec_name,r_frame_rate",
      "-of",
      "csv=p=0",
      join(folder, "output/turn.mp4"),
    ]);
    expect(stdout.trim()).toBe("h264,12/1");
  });
});

/** Public samples, by the folder of bundles that TALLY_SAMPLES names: what to give each, and what it must leave. */
const known: Record<string, { args?: (folder: string) => string[]; files?: string[]; says?: RegExp }> = {
  simple_job: { says: /Welcome to/ },
  cli_job: {
    args: (folder) => ["-p", `DataDir=${folder}`],
    says: /md5sum/,
  },
  gui_control_showcase: {
    args: (folder) => [
      "-p",
      `InputFilePicker=${folder}/template.yaml`,
      "-p",
      `OutputFilePicker=${folder}/out.exr`,
      "-p",
      `DirectoryPicker=${folder}`,
    ],
    says: /Default line edit value\./,
  },
  job_env_vars: { says: /JOB_PROJECT_ID=step-project-12/ },
  job_env_with_new_command: { says: /Sleeping for duration/ },
  job_attachments_devguide: { says: /Script location: .*\/files\// },
  job_attachments_devguide_output: { files: ["output_dir/output.txt"] },
  blender_render: {
    args: (folder) => ["-p", `BlenderSceneFile=${folder}/scene.blend`, "-p", "Frames=1-2"],
    files: ["output/output_0001.jpg", "output/output_0002.jpg"],
  },
  blender_render_with_contiguous_chunks: {
    args: (folder) => ["-p", `BlenderSceneFile=${folder}/scene.blend`, "-p", "Frames=1-3"],
    files: ["output/output_0001.jpg", "output/output_0003.jpg"],
  },
  ffmpeg_encode_video: {
    args: (folder) => [
      "-p",
      `InputDir=${folder}/pictures`,
      "-p",
      "InputFilePattern=turn_####.ppm",
      "-p",
      "EndFrame=4",
      "-p",
      "EncodingPreset=ultrafast",
    ],
    files: ["output/output.mp4"],
  },
  // Templates of the specification's own samples, each as template.yaml in a folder of its own.
  openjd_stdout_messages: { says: /openjd_status: Processing the things/ },
  openjd_ui_controls_showcase: {
    args: (folder) => [
      "-p",
      `InputFilePicker=${folder}/template.yaml`,
      "-p",
      `OutputFilePicker=${folder}/out.exr`,
      "-p",
      `DirectoryPicker=${folder}`,
    ],
    says: /BigStepIntSpinner value:\n.*123/,
  },
  openjd_ffmpeg: {
    args: (folder) => [
      "-p",
      `InputFile=${folder}/pictures/turn_%04d.ppm`,
      "-p",
      `OutputDir=${folder}/output`,
      "-p",
      "EndFrame=4",
    ],
    files: ["output/h264_hq_output.mp4", "output/webm_output.webm", "output/prores_3_output.mov"],
  },
};

const samples = process.env["TALLY_SAMPLES"];
const found =
  samples === undefined ? [] : Object.keys(known).filter((name) => existsSync(join(samples, name)));

// Public bundles are not part of this repository: TALLY_SAMPLES names a folder with a checkout of them.
describe.runIf(found.length > 0)("public sample bundles run unmodified", () => {
  test.each(found)("%s", async (name) => {
    const { args, files = [], says } = known[name] ?? {};
    const folder = join(far.artist.folder, name);
    if (name.startsWith("blender_render")) {
      await mkdir(folder, { recursive: true });
      await makeScene(join(folder, "scene.blend"));
    }
    const { number } = await runBundle(join(samples as string, name), name, ...(args?.(folder) ?? []));
    for (const file of files) expect(existsSync(join(folder, file)), file).toBe(true);
    if (says !== undefined) expect(await logOf(number)).toMatch(says);
  });
});

/** Four numbered pictures. */
async function drawPictures(folder: string): Promise<void> {
  const script = join(own, "turntable/scripts/turn.py");
  for (const frame of [1, 2, 3, 4]) await run("python3", [script, String(frame), folder]);
}

/** A scene that any Blender renders in a moment. */
async function makeScene(path: string): Promise<void> {
  const script = join(own, "blender-frames/scripts/turning_cube.py");
  const save = `import bpy; bpy.ops.wm.save_as_mainfile(filepath=${JSON.stringify(path)})`;
  await run("blender", ["-b", "--factory-startup", "--python", script, "--python-expr", save]);
}
