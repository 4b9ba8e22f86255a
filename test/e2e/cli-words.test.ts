// The terminal and the page say the same of the same job: its state, its frames, and how long it still takes.
import { afterAll, beforeAll, expect, test } from "vitest";
import { estimateOf } from "../../broker/contract/estimate.ts";
import { roughly } from "../../broker/contract/duration.ts";
import type { Job } from "../../broker/contract/job.ts";
import { addTries, createTimings } from "../../broker/contract/timings.ts";
import { createDesk, type Desk } from "./cli-support.ts";
import { submit } from "../support/builders.ts";
import { joinWorker, ordinalsOf, started, succeeded } from "../support/fake-worker.ts";
import { testBroker } from "../support/start-broker.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await createDesk();
});
afterAll(() => desk.close());

test("show says the time left as watching and the page do: by each frame's time, the one in work, and with its spread", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-24" }]);
  const target = ["--data", broker.dataFolder];
  const worker = await joinWorker(broker);
  const left = async () =>
    /^left +(.*)$/m.exec((await desk.tally("show", String(number), ...target)).out)?.[1];
  for (const seconds of [600, 1200]) {
    // oxlint-disable no-await-in-loop -- frame after frame
    const held = await worker.work();
    await worker.report(held, [started(ordinalsOf(held)[0] ?? 0)]);
    if (seconds === 600) expect(await left()).toBeUndefined();
    await worker.report(held, [succeeded(ordinalsOf(held)[0] ?? 0, seconds)], { done: true });
    // oxlint-enable no-await-in-loop
  }
  // Nobody renders it now.
  expect(await left()).toBeUndefined();
  const held = await worker.work();
  await worker.report(held, [started(ordinalsOf(held)[0] ?? 0)]);
  const job = await broker.api.ok("getJob", { params: { job: number } });
  const timings = createTimings(number);
  await addTries(timings, () => broker.api.ok("listAttempts", { params: { job: number } }));
  const estimate = estimateOf(job, timings, 1, Date.now());
  expect(estimate && roughly(estimate.seconds)).toBe("5.5 h");
  expect(await left()).toBe("about 5.5 h (3 to 8 h)");
  // Nobody knows while it is paused, or the pool of who renders it.
  const setJob = (intent: "pause" | "run") =>
    broker.api.ok("setJobIntent", { params: { job: number }, body: { intent } });
  const setPool = (intent: "pause" | "run") =>
    broker.api.ok("setPoolIntent", { params: { pool: "local" }, body: { intent } });
  await setJob("pause");
  expect(await left()).toBeUndefined();
  await setJob("run");
  expect(await left()).toBeDefined();
  await setPool("pause");
  expect(await left()).toBeUndefined();
});

test("states are in the page's words, and ls takes those as well as the names of the API", async () => {
  const broker = await testBroker();
  const target = ["--data", broker.dataFolder];
  const worker = await joinWorker(broker, { name: "machine" });
  const steps = [
    { name: "Draw", frames: "1-2" },
    { name: "Join", frames: "1-1", dependsOn: ["Draw"] },
  ];
  const { number } = await submit(broker.api, steps);
  const tally = async (...args: string[]) => (await desk.tally(...args, ...target)).out;
  expect(await tally("workers")).toMatch(/^machine +ready /m);
  expect(await tally("ls")).toMatch(/^ +1 {2}waiting +0\/3 /m);
  const held = await worker.work();
  await worker.report(held, [started(0)]);
  expect(await tally("workers")).toMatch(/^machine +rendering +job 1 Draw/m);
  expect(await tally("show")).toMatch(/^Job 1 {2}shot {2}running\n/);
  expect(await tally("show")).toMatch(/3 frames: 1 running, 1 waiting, 1 waiting for another step\n/);
  await worker.report(held, [succeeded(0)], { done: true });
  for (let frame = 0; frame < 2; frame++)
    // oxlint-disable-next-line no-await-in-loop -- frame after frame
    await worker.succeed(await worker.work());
  expect(await tally("show")).toMatch(/^Job 1 {2}shot {2}done\n[^]*3 frames: 3 done\n/);
  for (const state of ["done", "succeeded", "Done"]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    const { jobs } = JSON.parse(await tally("ls", "--state", state, "--json")) as { jobs: Job[] };
    expect(
      jobs.map((job) => [job.number, job.state]),
      state,
    ).toEqual([[number, "succeeded"]]);
  }
  expect(await tally("ls", "--state", "waiting")).toBe("No such jobs.\n");
  const { code, err } = await desk.tally("ls", "--state", "dnoe", ...target);
  expect([code, err]).toEqual([
    2,
    expect.stringContaining('--state does not know "dnoe". Did you mean done?'),
  ]);
});

test("started by npx, every command to type begins with npx, in what the broker says too", async () => {
  const broker = await testBroker();
  const worker = await joinWorker(broker);
  await submit(broker.api, [{ frames: "4-5" }], { maxRetries: 0 });
  await worker.fail(await worker.work(), "Its disk is full. Free some space, then requeue it: tally requeue");
  await worker.succeed(await worker.work());
  const through = await createDesk({ env: { npm_command: "exec" } });
  const target = ["--data", broker.dataFolder];
  const said = async (...args: string[]) => {
    const { out, err } = await through.tally(...args);
    return out + err;
  };
  const watched = await said("watch", "1", ...target);
  expect(watched).toContain(
    "frame 4: Its disk is full. Free some space, then requeue it: npx tally requeue\n",
  );
  expect(watched).toContain("Render them again:      npx tally requeue 1 --failed\n");
  expect(await said("show", "1", ...target)).toContain("then requeue it: npx tally requeue\n");
  expect(await said("logs", "1", ...target)).toContain("then requeue it: npx tally requeue\n");
  expect(await said("cancel", "1", ...target)).toMatch(/again: npx tally requeue 1\n$/);
  expect(await said("show", "9", ...target)).toContain("`npx tally ls` lists them.");
  expect(await said("submit", ...target)).toContain(
    "Give a scene: npx tally submit shot.blend. Type: npx tally",
  );
  for (const command of ["run", "plan", "check"])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await said(command)).toMatch(/Type: npx tally /);
  await through.close();
});

test("one finished frame stays, and a frame that is not there is said once", async () => {
  const broker = await testBroker();
  const target = ["--data", broker.dataFolder];
  const worker = await joinWorker(broker);
  const { number } = await submit(broker.api, [{ frames: "1-3" }]);
  await worker.succeed(await worker.work());
  const missing = await desk.tally("requeue", String(number), "--frames", "40", ...target);
  expect(missing).toMatchObject({
    code: 1,
    err: expect.stringMatching(/^Job 1 has no frame 40; [^\n]*\.\n$/) as string,
  });
  expect((await desk.tally("cancel", String(number), ...target)).out).toMatch(
    /^Job 1 is (?:stopping|canceled)\. 1 finished frame stays\. /,
  );
});
