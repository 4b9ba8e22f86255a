// Somebody dies in the middle of a frame: Blender, the agent, the broker. And the artist saves meanwhile.
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { untilState } from "../support/builders.ts";
import { pixelsOf, placeScene, renderLocally } from "../support/scenes.ts";
import { fingerprint, openStudio, until, type Studio } from "../support/studio.ts";
import { ofThisWorker } from "../support/this-worker.ts";

let studio: Studio;
beforeAll(async () => {
  studio = openStudio();
  await studio.startBroker();
});
afterAll(() => studio.close());

interface Held {
  number: number;
  home(frame: number): string;
  release(): void;
  /** Frames that were home when the held one began, and their prints. */
  before: string[];
}

/** A job that stands in the middle of `frame`, with every frame before it at home. */
async function heldIn(frame: number, frames: string, ...flags: string[]): Promise<Held & { scene: string }> {
  const scene = studio.scene("held");
  const beside = (name: string) => join(dirname(scene), name);
  writeFileSync(beside(`hold_${frame}`), "");
  const number = await studio.submit(scene, "--frames", frames, "--allow-scripts", ...flags);
  await until(`frame ${frame} is begun`, () => existsSync(beside(`reached_${frame}`)));
  const home = (one: number) => beside(join("render", `frame_${String(one).padStart(4, "0")}.png`));
  const earlier = Array.from({ length: frame - 1 }, (_, index) => index + 1);
  await until("the frames before it are home", () => earlier.every((one) => existsSync(home(one))));
  const before = earlier.map((one) => fingerprint(home(one)));
  return { number, scene, home, before, release: () => rmSync(beside(`hold_${frame}`)) };
}

const printsOf = (job: Held): string[] => job.before.map((_, index) => fingerprint(job.home(index + 1)));

const attemptsOf = async (number: number): Promise<string[]> => {
  const { items } = await studio.api.ok("listAttempts", { params: { job: number } });
  return items.map(({ frame, state }) => `${frame} ${state}`).toSorted();
};

/** The one process whose command line holds these words. */
const pidOf = (words: string): number => {
  const pids = studio.processes(words);
  expect(pids, words).toHaveLength(1);
  return pids[0] as number;
};

test("Blender killed (SIGKILL) mid-frame: that frame fails by name, the rest goes on, and requeue mends it", async () => {
  const job = await heldIn(3, "1-5", "--retries", "0");
  const watching = await studio.watch(job.number);
  process.kill(pidOf("driver.py"), "SIGKILL");
  job.release();
  const watched = await watching.ended;
  expect(watched.code).toBe(1);
  expect(watched.text).toMatch(
    ofThisWorker(
      /frame 3 failed on NAME: Blender was killed \(SIGKILL; by a person, or by the system when memory runs out\) while it rendered this frame\..* tally requeue/,
    ),
  );
  expect(watched.text).toContain(`Job ${job.number} failed: 1 of 5 frames.`);
  expect(await attemptsOf(job.number)).toEqual([
    "1 succeeded",
    "2 succeeded",
    "3 failed",
    "4 succeeded",
    "5 succeeded",
  ]);
  expect(existsSync(job.home(3))).toBe(false);
  const shown = await studio.tally("show", String(job.number));
  expect(shown.text).toMatch(/failed\n[^]*frame 3: Blender was killed[^]*tally requeue \d+ --failed/);
  expect((await studio.tally("requeue", String(job.number), "--failed")).code).toBe(0);
  const again = await studio.tally("watch", String(job.number));
  expect(again.code, again.text).toBe(0);
  expect(existsSync(job.home(3))).toBe(true);
  expect(printsOf(job)).toEqual(job.before);
});

test("the agent killed (SIGKILL) mid-frame: no Blender stays behind, no try is used up, the job ends well", async () => {
  const job = await heldIn(3, "1-4");
  const watching = await studio.watch(job.number);
  const orphan = pidOf("driver.py");
  const agent = pidOf("agent/main.ts");
  process.kill(agent, "SIGKILL");
  await until("the orphan is gone", () => !studio.processes("driver.py").includes(orphan));
  job.release();
  const watched = await watching.ended;
  expect(watched.code, watched.text).toBe(0);
  expect(watched.text).toMatch(ofThisWorker(/frame 3 did not succeed on NAME and is tried again: .*\./));
  expect(printsOf(job)).toEqual(job.before);
  const { items } = await studio.api.ok("listTasks", { params: { job: job.number } });
  expect(items.map(({ state, failures, losses }) => [state, failures, losses])).toEqual([
    ["succeeded", 0, 0],
    ["succeeded", 0, 0],
    ["succeeded", 0, 1],
    ["succeeded", 0, expect.any(Number)],
  ]);
});

test("the broker killed (SIGKILL) mid-job and restarted: rendering goes on meanwhile, every frame counts once", async () => {
  const job = await heldIn(2, "1-4");
  const watching = await studio.watch(job.number);
  await studio.killBroker();
  job.release();
  await until("the frame was rendered without a broker", () =>
    readdirSync(join(studio.dataFolder, "staging"), { recursive: true, encoding: "utf8" }).some((name) =>
      name.endsWith("frame_0002.png"),
    ),
  );
  expect(existsSync(job.home(2))).toBe(false);
  await studio.startBroker();
  const watched = await watching.ended;
  expect(watched.code, watched.text).toBe(0);
  expect(watched.text).toContain("does not answer; waiting for it");
  expect(watched.text).toContain("The broker is back.");
  expect(await attemptsOf(job.number)).toEqual(["1 succeeded", "2 succeeded", "3 succeeded", "4 succeeded"]);
  expect(printsOf(job)).toEqual(job.before);
  expect(studio.processes("agent/main.ts")).toHaveLength(1);
  const shown = await studio.tally("show", String(job.number));
  expect(shown.text).toMatch(/done\n[^]*home +4 files/);
});

test("broker, agent and Blender killed together, as by a power cut: the next start renders the rest at once", async () => {
  const job = await heldIn(2, "1-4");
  const watching = await studio.watch(job.number);
  // The broker goes first, so that it sees nothing.
  await studio.killBroker();
  for (const words of ["agent/main.ts", "client.ts", "driver.py"])
    for (const pid of studio.processes(words)) process.kill(pid, "SIGKILL");
  job.release();
  await studio.startBroker();
  const watched = await watching.ended;
  expect(watched.code, watched.text).toBe(0);
  expect(watched.text).toMatch(/frame 2 did not succeed .*gone when the broker came back/);
  expect(printsOf(job)).toEqual(job.before);
  const { items } = await studio.api.ok("listTasks", { params: { job: job.number } });
  expect(items.every(({ state, failures }) => state === "succeeded" && failures === 0)).toBe(true);
});

test("the artist saves the scene while it renders: every frame, retries included, shows the scene as submitted", async () => {
  const apart = join(studio.folder, "as it was");
  const reference = placeScene("held", apart);
  const changed = placeScene("changed", join(studio.folder, "changed"));
  renderLocally(reference, "10,30");
  renderLocally(changed, "30");
  const job = await heldIn(10, "1-30");
  writeFileSync(job.scene, readFileSync(changed));
  process.kill(pidOf("driver.py"), "SIGKILL");
  job.release();
  await untilState(studio.api, job.number, "succeeded");
  await until("both frames are home", () => [10, 30].every((frame) => existsSync(job.home(frame))));
  expect(await attemptsOf(job.number)).toContain("10 failed");
  const as = (folder: string, frame: number) => pixelsOf(join(folder, "render", `frame_00${frame}.png`));
  expect(pixelsOf(job.home(10))).toBe(as(apart, 10));
  expect(pixelsOf(job.home(30))).toBe(as(apart, 30));
  expect(pixelsOf(job.home(30))).not.toBe(as(dirname(changed), 30));
  expect(printsOf(job)).toEqual(job.before);
});
