// Scenes that go wrong after submit, in a real Blender: the state told is true, finished frames stay finished, the
// reason has the renderer's own words and the command to type next, and the rest goes on.
import { renameSync, readdirSync, truncateSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fingerprint, openStudio, type Studio } from "../support/studio.ts";
import { ofThisWorker, thisWorker } from "../support/this-worker.ts";

let studio: Studio;
beforeAll(async () => {
  studio = openStudio();
  await studio.startBroker();
});
afterAll(() => studio.close());

const states = async (number: number): Promise<Record<string, string>> => {
  const { items } = await studio.api.ok("listTasks", { params: { job: number } });
  return Object.fromEntries(items.map((task) => [task.frame ?? "", task.state]));
};

/** Submits, waits to the end, and returns everything that the command said; the job must fail. */
async function fails(...args: string[]): Promise<{ text: string; number: number }> {
  const { code, text } = await studio.tally("submit", ...args, "--retries", "0", "--wait");
  expect(code, text).toBe(1);
  return { text, number: Number(/^Job (\d+)/m.exec(text)?.[1]) };
}

test("a truncated .blend: what was submitted renders, though the original is cut off later", async () => {
  const scene = studio.scene("anim");
  const number = await studio.submit(scene, "--frames", "1", "--paused");
  truncateSync(scene, 1000);
  await studio.tally("resume", String(number));
  const watched = await studio.tally("watch", String(number));
  expect(watched.code, watched.text).toBe(0);
  expect(readdirSync(join(dirname(scene), "render"))).toEqual(["frame_0001.png"]);
});

test("a truncated .blend that nobody looked at before submit fails in a sentence", async () => {
  const scene = studio.scene("anim");
  truncateSync(scene, 200_000);
  const { text, number } = await fails(
    "--template",
    "blender-render",
    "-p",
    `Scene=${scene}`,
    "-p",
    "Frames=1",
  );
  expect(text).toContain(
    `failed on ${thisWorker}: The file ${scene} is cut off: its end is missing. Save the scene again in Blender.`,
  );
  expect(text).toContain(`tally logs ${number}`);
  expect(text).toContain(`tally requeue ${number} --failed`);
});

test("a scene that is read where it lies and vanishes after submit: each frame is tried once, for no try can succeed", async () => {
  const scene = studio.scene("anim");
  const args = ["--template", "blender-render", "-p", `Scene=${scene}`, "-p", "Frames=1-2", "--in-place"];
  const { code, text } = await studio.tally("submit", ...args, "--paused");
  expect(code, text).toBe(0);
  const job = Number(/^Job (\d+)/m.exec(text)?.[1]);
  renameSync(scene, `${scene}.away`);
  await studio.tally("resume", String(job));
  const watched = await studio.tally("watch", String(job));
  expect(watched.text).toContain(`There is no file ${scene}. Check the path and try again.`);
  const { items } = await studio.api.ok("listAttempts", { params: { job } });
  expect(items.map(({ failureClass }) => failureClass)).toEqual(["config", "config"]);
  // The same submission now is refused before there is a job.
  const again = await studio.tally("submit", ...args);
  expect(again.text.trimEnd()).toBe(
    `Scene: there is no file ${scene}.\nCheck the name and folder, or go on all the same, when the workers have it: --allow-missing.`,
  );
  expect((await studio.tally("submit", ...args, "--allow-missing", "--paused")).code).toBe(0);
});

test("a missing linked library: it vanishes after submit, the finished frames stay, and it renders once it is back", async () => {
  const scene = studio.scene("linked");
  const library = join(dirname(scene), "lib", "asset.blend");
  const number = await studio.submit(scene, "--frames", "1-3", "--retries", "0");
  expect((await studio.tally("watch", String(number))).code).toBe(0);
  const home = (frame: number) => join(dirname(scene), "render", `frame_000${frame}.png`);
  const before = [1, 2, 3].map((frame) => fingerprint(home(frame)));
  // Another job in between, so that the scene is opened anew.
  const other = await studio.submit(studio.scene("anim"), "--frames", "1");
  expect((await studio.tally("watch", String(other))).code).toBe(0);
  renameSync(library, `${library}.away`);
  const requeued = await studio.tally("requeue", String(number), "--frames", "3");
  expect(requeued.code, requeued.text).toBe(0);
  const watched = await studio.tally("watch", String(number));
  expect(watched.code).toBe(1);
  expect(watched.text).toContain(`frame 3: The scene needs files that are not there: library ${library}. `);
  expect(watched.text).toContain("Put them back, or submit again with --allow-missing");
  expect(await states(number)).toEqual({ 1: "succeeded", 2: "succeeded", 3: "failed" });
  expect([1, 2, 3].map((frame) => fingerprint(home(frame)))).toEqual(before);
  const shown = await studio.tally("show", String(number));
  expect(shown.text).toMatch(/^Job \d+ {2}linked {2}failed$/m);
  expect(shown.text).toContain("frame 3: The scene needs files that are not there: library");
  renameSync(`${library}.away`, library);
  expect((await studio.tally("requeue", String(number), "--failed")).code).toBe(0);
  const again = await studio.tally("watch", String(number));
  expect(again.code, again.text).toBe(0);
  expect([1, 2].map((frame) => fingerprint(home(frame)))).toEqual(before.slice(0, 2));
});

test("script error: the frame fails with the script's own words, the others are done", async () => {
  const { text, number } = await fails(studio.scene("scripterror"), "--allow-scripts", "--frames", "1-3");
  expect(await states(number)).toEqual({ 1: "succeeded", 2: "failed", 3: "succeeded" });
  expect(text).toMatch(
    ofThisWorker(
      /frame 2 failed on NAME: A script in the scene failed, so the picture may be wrong \(Blender: "ValueError: the rig is broken"\)\. Mend the script, or submit again with --allow-missing/,
    ),
  );
  expect(text).toContain(`Read on: tally logs ${number} --frame 2`);
  const log = await studio.tally("logs", String(number), "--frame", "2");
  expect(log.text).toContain("ValueError: the rig is broken");
  expect(log.text).not.toContain("frame_0001.png");
});

test("blocked scripts: a scene whose rig needs its scripts is not rendered wrong with a good end", async () => {
  const scene = studio.scene("scripterror");
  const { text, number } = await fails(
    "--template",
    "blender-render",
    "-p",
    `Scene=${scene}`,
    "-p",
    "Frames=1",
  );
  expect(text).toMatch(
    /The scene needs its own scripts to look right, and they were not run: script "on_frame\.py"\. Submit again with --allow-scripts if you trust this file, or with --allow-missing/,
  );
  expect(await states(number)).toEqual({ 1: "failed" });
  expect(readdirSync(dirname(scene))).toEqual(["scripterror.blend"]);
});

test("driver errors: the frame fails with the driver's expression, and no wrong picture comes home", async () => {
  const scene = studio.scene("pydriver");
  const { text, number } = await fails(scene, "--allow-scripts", "--frames", "1-2");
  expect(text).toMatch(
    ofThisWorker(
      /frame 1 failed on NAME: A driver in the scene does not work, so the picture would be wrong: location = nothing_of_that_name\(frame\)\. Mend it, or submit again with --allow-missing/,
    ),
  );
  expect(await states(number)).toEqual({ 1: "failed", 2: "failed" });
  expect(readdirSync(dirname(scene))).toEqual(["pydriver.blend"]);
});
