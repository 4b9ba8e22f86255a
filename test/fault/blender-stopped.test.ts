// What is stopped stops, and what was stopped from outside changes nothing when it wakes.
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { untilState } from "../support/builders.ts";
import { fingerprint, openStudio, until, type Studio } from "../support/studio.ts";
import { ofThisWorker } from "../support/this-worker.ts";

const config = `
listen: { port: 0 }
pools: { local: { kind: local, slots: 2 } }
limits: { leaseTermSeconds: 2, renewEverySeconds: 0.4, workerSilenceSeconds: 4 }
`;
let studio: Studio;
beforeAll(async () => {
  studio = openStudio({ config });
  await studio.startBroker();
});
afterAll(() => studio.close());

test("a hung frame is stopped by its timeout, and the rest goes on", async () => {
  const scene = studio.scene("hang");
  const flags = ["--frames", "1-3", "--allow-scripts", "--frame-timeout", "2s", "--retries", "0", "--wait"];
  const { code, text } = await studio.tally("submit", scene, ...flags);
  expect(code, text).toBe(1);
  expect(text).toMatch(
    ofThisWorker(
      /frame 2 failed on NAME: The frame took longer than its limit of 2 s and was stopped\. Submit again with a larger --frame-timeout/,
    ),
  );
  expect(text).toMatch(/Job \d+ failed: 1 of 3 frames\./);
  expect(readdirSync(join(dirname(scene), "render")).toSorted()).toEqual([
    "frame_0001.png",
    "frame_0003.png",
  ]);
});

test("a stop reaches the Blender process within a second", async () => {
  // The last job's scene is kept open for a while, in a Blender of its own.
  const warm = studio.processes("driver.py");
  const number = await studio.submit(studio.scene("slow"), "--frames", "1", "--scale", "25");
  // Cycles has told of a sample by then: it is deep inside the frame.
  await until("the frame is in work", async () => {
    const { items } = await studio.api.ok("listWorkers");
    return items.some((worker) => (worker.progress ?? 0) > 0);
  });
  const [pid] = studio.processes("driver.py").filter((one) => !warm.includes(one));
  expect(pid).toBeGreaterThan(0);
  const canceled = await studio.tally("cancel", String(number));
  const answered = performance.now();
  expect(canceled.code, canceled.text).toBe(0);
  await until("Blender is gone", () => !studio.processes("driver.py").includes(pid as number));
  expect(performance.now() - answered).toBeLessThan(1000);
  await untilState(studio.api, number, "canceled");
});

test.each(["job", "worker"])(
  "a %s is paused while Blender still opens the scene: no frame counts as done without its picture",
  async (what) => {
    const scene = studio.scene("held");
    const beside = (name: string) => join(dirname(scene), name);
    const number = await studio.submit(scene, "--frames", "1-6", "--allow-scripts", "--paused");
    writeFileSync(beside("hold_open"), "");
    await studio.tally("resume", String(number));
    await until("the scene is being opened", () => existsSync(beside("reached_open")));
    const { items } = await studio.api.ok("listWorkers");
    const name = items.find(({ jobNumber }) => jobNumber === number)?.name ?? "";
    const of = (word: string) => (what === "job" ? [word, String(number)] : ["workers", word, name]);
    expect((await studio.tally(...of("pause"))).code).toBe(0);
    await until("its agent was told", () =>
      readdirSync(studio.dataFolder, { recursive: true }).some((path) =>
        String(path).endsWith("stop-after-frame"),
      ),
    );
    rmSync(beside("hold_open"));
    if (what === "job") {
      await untilState(studio.api, number, "paused");
      expect((await studio.api.ok("getJob", { params: { job: number } })).counts).toMatchObject({
        ready: 6,
        succeeded: 0,
      });
    } else {
      await until("it is paused", async () => {
        const now = await studio.api.ok("listWorkers");
        return now.items.some((worker) => worker.name === name && worker.state === "paused");
      });
    }
    expect((await studio.tally(...of("resume"))).code).toBe(0);
    await untilState(studio.api, number, "succeeded");
    const home = join(dirname(scene), "render");
    const names = () => (existsSync(home) ? readdirSync(home).filter((one) => !one.startsWith(".")) : []);
    await until("every file is home", () => names().length === 6);
    const { items: tries } = await studio.api.ok("listAttempts", { params: { job: number } });
    expect(tries.filter(({ state }) => state === "succeeded")).toHaveLength(6);
  },
);

test("a command with NOTIFY_THEN_TERMINATE gets its time, and the job reads as stopping meanwhile", async () => {
  const begun = join(studio.folder, "begun");
  const template = join(studio.folder, "patient.json");
  const script = `trap 'echo was told; while [ -e "${begun}" ]; do sleep 0.02; done; exit 0' TERM; touch "${begun}"; while :; do sleep 0.02; done`;
  const cancelation = { mode: "NOTIFY_THEN_TERMINATE", notifyPeriodInSeconds: 60 };
  const onRun = { command: "sh", args: ["-c", script], cancelation };
  writeFileSync(
    template,
    JSON.stringify({
      specificationVersion: "jobtemplate-2023-09",
      name: "patient",
      steps: [{ name: "Wait", script: { actions: { onRun } } }],
    }),
  );
  const number = await studio.submit(template);
  await until("it runs", () => existsSync(begun));
  await studio.tally("cancel", String(number));
  expect((await studio.tally("show", String(number))).text).toMatch(/^Job \d+ {2}patient {2}stopping/);
  expect((await studio.tally("ls")).text).toMatch(/patient.*stopping|stopping.*patient/);
  rmSync(begun);
  await untilState(studio.api, number, "canceled");
});

test("a worker stopped (SIGSTOP) past its lease and woken again changes nothing, on disk neither", async () => {
  const scene = studio.scene("held");
  const beside = (name: string) => join(dirname(scene), name);
  writeFileSync(beside("hold_2"), "");
  const number = await studio.submit(scene, "--frames", "1-3", "--allow-scripts");
  await until("frame 2 is begun", () => existsSync(beside("reached_2")));
  const sleepy = Number(readFileSync(beside("reached_2"), "utf8"));
  await until("the broker has heard that frame 2 is begun", async () => {
    const { items } = await studio.api.ok("listAttempts", { params: { job: number } });
    return items.some(({ frame, state }) => frame === "2" && state === "started");
  });
  const agent = Number(/\/s\/(\d+)-\d+\//.exec(readFileSync(`/proc/${sleepy}/environ`, "latin1"))?.[1]);
  expect(studio.processes("agent/main.ts")).toContain(agent);
  process.kill(agent, "SIGSTOP");
  rmSync(beside("reached_2"));
  await until("another worker has the frame", () => existsSync(beside("reached_2")));
  rmSync(beside("hold_2"));
  await untilState(studio.api, number, "succeeded");
  const home = beside("render");
  // A hidden name is one that is still on its way.
  const names = () => readdirSync(home).filter((name) => !name.startsWith("."));
  await until("every file is home", () => existsSync(home) && names().length === 3);
  const pictures = () =>
    names()
      .toSorted()
      .map((name) => [name, fingerprint(join(home, name))]);
  const before = pictures();
  // The sleeper's Blender has rendered the same frame meanwhile; its agent cannot have said so.
  process.kill(agent, "SIGCONT");
  await until("its Blender is gone", () => !studio.processes("driver.py").includes(sleepy));
  await until("its agent has heard that the frames are another's", async () => {
    const { items } = await studio.api.ok("listWorkers");
    return items.length > 0 && items.every(({ state }) => state === "idle");
  });
  expect(pictures()).toEqual(before);
  const { items } = await studio.api.ok("listAttempts", { params: { job: number } });
  expect(items.filter(({ state }) => state === "succeeded")).toHaveLength(3);
  expect(items.some(({ frame, state }) => frame === "2" && state === "expired")).toBe(true);
  expect((await studio.api.ok("getJob", { params: { job: number } })).state).toBe("succeeded");
});
