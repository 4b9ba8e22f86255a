// Render anew, and steps that wait for one another: whoever asks again gets all of it, in the right order.
import { expect, test } from "vitest";
import { leaseTask } from "../../broker/service/lease-task.ts";
import { requeueTasks } from "../../broker/service/requeue.ts";
import type { Api } from "../support/api.ts";
import { submit, taskStatesOf, until, untilState } from "../support/builders.ts";
import {
  joinWorker,
  ordinalsOf,
  started,
  succeeded,
  failed,
  type FakeWorker,
} from "../support/fake-worker.ts";
import { testBroker } from "../support/start-broker.ts";

/** Renders whatever there is; returns the steps and ordinals in the order in which they were leased. */
async function renderAll(worker: FakeWorker): Promise<string[]> {
  const seen: string[] = [];
  for (let held = await worker.lease(); held; held = await worker.lease()) {
    for (const ordinal of ordinalsOf(held)) seen.push(`${held.lease.stepIndex}:${ordinal}`);
    await worker.succeed(held);
  }
  return seen;
}

/** Renders until the job is over; steps that wait for others come when they are unblocked. */
async function renderJob(api: Api, worker: FakeWorker, job: number): Promise<string[]> {
  const seen: string[] = [];
  await until(api, async () => {
    seen.push(...(await renderAll(worker)));
    return (await api.ok("getJob", { params: { job } })).endedAt === null ? undefined : true;
  });
  return seen;
}

const requeue = (api: Api, job: number, body: object = {}) =>
  api.ok("requeueTasks", { params: { job }, body });
const chain = [
  { name: "sim", frames: "1-2" },
  { name: "render", frames: "1-3", dependsOn: ["sim"] },
  { name: "movie", frames: "1", dependsOn: ["render"] },
];

test("a step starts when the steps before it are done, and not earlier", async () => {
  const { api, ...rest } = await testBroker();
  const job = await submit(api, chain);
  const worker = await joinWorker({ api, ...rest });
  expect(job.counts).toMatchObject({ ready: 2, blocked: 4 });
  expect(await renderJob(api, worker, job.number)).toEqual(["0:0", "0:1", "1:0", "1:1", "1:2", "2:0"]);
  await untilState(api, job.number, "succeeded");
});

test("a diamond: both branches before the last", async () => {
  const { api, ...rest } = await testBroker();
  const { number } = await submit(api, [
    { name: "last", frames: "1", dependsOn: ["left", "right"] },
    { name: "left", frames: "1", dependsOn: ["first"] },
    { name: "right", frames: "1", dependsOn: ["first"] },
    { name: "first", frames: "1" },
  ]);
  const seen = await renderJob(api, await joinWorker({ api, ...rest }), number);
  expect(seen).toEqual(["3:0", "1:0", "2:0", "0:0"]);
});

test("a step behind a failed one does not keep the job alive; requeued it goes on to the end", async () => {
  const { api, ...rest } = await testBroker();
  const { number } = await submit(api, chain, { maxRetries: 0 });
  const worker = await joinWorker({ api, ...rest });
  await worker.fail(await worker.work());
  await worker.succeed(await worker.work());
  const job = await untilState(api, number, "failed");
  expect(job.counts).toMatchObject({ failed: 1, succeeded: 1, blocked: 4 });
  expect(await requeue(api, number, { failedOnly: true })).toEqual({ requeued: 1 });
  expect(await renderJob(api, worker, number)).toEqual(["0:0", "1:0", "1:1", "1:2", "2:0"]);
  await untilState(api, number, "succeeded");
});

test("requeueing a whole job renders every step anew, in their order", async () => {
  const { api, ...rest } = await testBroker();
  const { number } = await submit(api, chain);
  const worker = await joinWorker({ api, ...rest });
  const first = await renderJob(api, worker, number);
  expect(await requeue(api, number)).toEqual({ requeued: 6 });
  expect(await taskStatesOf(api, number)).toEqual(["ready", "ready", ...Array<string>(4).fill("blocked")]);
  expect(await renderJob(api, worker, number)).toEqual(first);
  const { items } = await api.ok("listTasks", { params: { job: number } });
  expect(items.map((task) => task.generation)).toEqual([2, 2, 2, 2, 2, 2]);
});

test("requeueing one frame of a step blocks the steps behind it again, done frames too", async () => {
  const { api, ...rest } = await testBroker();
  const { number } = await submit(api, chain);
  const worker = await joinWorker({ api, ...rest });
  await renderJob(api, worker, number);
  expect(await requeue(api, number, { step: "sim", frames: "2" })).toEqual({ requeued: 1 });
  expect(await taskStatesOf(api, number)).toEqual([
    "succeeded",
    "ready",
    ...Array<string>(4).fill("blocked"),
  ]);
  expect(await renderJob(api, worker, number)).toEqual(["0:1", "1:0", "1:1", "1:2", "2:0"]);
});

test("requeueing a step whose earlier step is not done waits for that one", async () => {
  const { api, ...rest } = await testBroker();
  const { number } = await submit(api, chain);
  const worker = await joinWorker({ api, ...rest });
  await worker.succeed(await worker.work());
  await api.ok("setJobIntent", { params: { job: number }, body: { intent: "cancel" } });
  await untilState(api, number, "canceled");
  await requeue(api, number, { step: "render" });
  expect((await api.ok("getJob", { params: { job: number } })).steps[1]?.counts).toMatchObject({
    blocked: 3,
    ready: 0,
  });
  expect(await worker.lease()).toBeNull();
});

test("requeue of succeeded frames: the new result replaces the old, a late one of the old does not", async () => {
  const { api, ...rest } = await testBroker();
  const { number } = await submit(api, [{ frames: "1-2" }]);
  const worker = await joinWorker({ api, ...rest });
  await renderJob(api, worker, number);
  expect(await requeue(api, number, { frames: "1" })).toEqual({ requeued: 1 });
  expect((await untilState(api, number, "queued")).counts).toMatchObject({ ready: 1, succeeded: 1 });
  const held = await worker.work();
  expect(held.lease.tasks[0]).toMatchObject({ ordinal: 0, generation: 2 });
  await worker.succeed(held);
  await untilState(api, number, "succeeded");
});

test("requeue while it renders leaves running frames alone and takes the others", async () => {
  const { api, ...rest } = await testBroker();
  const { number } = await submit(api, [{ frames: "1-3" }]);
  const worker = await joinWorker({ api, ...rest });
  await worker.succeed(await worker.work());
  const held = await worker.work();
  expect(await requeue(api, number)).toEqual({ requeued: 1 });
  expect(await taskStatesOf(api, number)).toEqual(["ready", "running", "ready"]);
  await worker.succeed(held);
  expect(await renderJob(api, worker, number)).toEqual(["0:0", "0:2"]);
});

test("frames of a later step that run while an earlier one is asked for anew are called back", async () => {
  const { api, ...rest } = await testBroker();
  const { number } = await submit(api, [
    { name: "sim", frames: "1" },
    { name: "render", frames: "1-2", dependsOn: ["sim"] },
  ]);
  const [one, two] = [await joinWorker({ api, ...rest }), await joinWorker({ api, ...rest }, { name: "b" })];
  await one.succeed(await one.work());
  const unstarted = await until(api, async () => (await one.lease()) ?? undefined);
  const running = await two.work();
  await two.report(running, [started(ordinalsOf(running)[0] ?? 0)]);
  await requeue(api, number, { step: "sim" });
  expect(await taskStatesOf(api, number)).toEqual(["ready", "blocked", "blocked"]);
  const { orders } = await two.orders();
  expect(orders).toContainEqual(
    expect.objectContaining({ kind: "stop-lease", leaseId: running.lease.leaseId }),
  );
  // What it still reports is history.
  await two.report(running, [succeeded(ordinalsOf(running)[0] ?? 0)], { done: true });
  expect(await taskStatesOf(api, number)).toEqual(["ready", "blocked", "blocked"]);
  // The other never got its answer and asks again: it is given what there is now.
  const next = await one.work();
  expect(next.lease.leaseId).not.toBe(unstarted.lease.leaseId);
  expect([next.lease.stepIndex, ordinalsOf(next)]).toEqual([0, [0]]);
  await one.succeed(next);
  await renderJob(api, two, number);
  await untilState(api, number, "succeeded");
});

test("workers that ask while an earlier step is asked for anew get nothing of the later one", async () => {
  const { api, broker, ...rest } = await testBroker();
  const { number } = await submit(api, [
    { name: "sim", frames: "1" },
    { name: "render", frames: "1-40", dependsOn: ["sim"] },
  ]);
  const first = await joinWorker({ api, broker, ...rest });
  await first.succeed(await first.work());
  await untilState(api, number, "queued");
  await until(api, async () => ((await taskStatesOf(api, number))[1] === "ready" ? true : undefined));
  for (let index = 0; index < 30; index++)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await joinWorker({ api, broker, ...rest }, { name: `w${index}` }, first.token);
  const asking = [...broker.workers.values()].slice(1);
  let done = false;
  const asked = requeueTasks(broker, number, { step: "sim", failedOnly: false }).finally(() => (done = true));
  const leases: Promise<unknown>[] = [];
  // As often as the loop turns: some fall into the very groups of writes in which the steps change.
  while (!done && asking.length > 0) {
    const worker = asking.shift();
    if (worker) leases.push(leaseTask(broker, worker));
    // oxlint-disable-next-line no-await-in-loop -- one micro-turn after the other
    await Promise.resolve();
    // oxlint-disable-next-line no-await-in-loop -- one turn after the other
    if (asking.length % 3 === 0) await new Promise((turn) => setImmediate(turn));
  }
  await Promise.all([asked, ...leases]);
  const { steps } = await api.ok("getJob", { params: { job: number } });
  expect(steps[1]?.counts).toMatchObject({ blocked: 40, ready: 0, running: 0 });
});

test("nothing to requeue says so", async () => {
  const { api } = await testBroker();
  const { number: job } = await submit(api);
  const ask = (body: object) => ({ params: { job }, body });
  await api.problem("requeueTasks", "illegal-transition", ask({ failedOnly: true }));
  await api.problem("requeueTasks", "illegal-transition", ask({ frames: "1-2" }));
  expect((await api.problem("requeueTasks", "invalid", ask({ step: "bake" }))).errors?.[0]?.pointer).toBe(
    "step",
  );
  expect((await api.problem("requeueTasks", "invalid", ask({ frames: "a-b" }))).errors?.[0]?.pointer).toBe(
    "frames",
  );
  await api.problem("requeueTasks", "invalid", ask({ frames: "1-9999999" }));
});

test("a job that the failure limit stopped goes on when its failed frames are requeued", async () => {
  const { api, ...rest } = await testBroker();
  const { number } = await submit(api, [{ frames: "1-5" }], { maxRetries: 0, maxFailedTasks: 1 });
  const worker = await joinWorker({ api, ...rest });
  await worker.fail(await worker.work());
  await untilState(api, number, "failed");
  expect(await requeue(api, number, { failedOnly: true })).toEqual({ requeued: 5 });
  await renderJob(api, worker, number);
  const job = await untilState(api, number, "succeeded");
  expect(job).toMatchObject({ intent: "run", intentReason: null });
});

test("fixed chunks are the reference split, leased whole and retried whole", async () => {
  const { api, ...rest } = await testBroker();
  const { number } = await submit(api, [{ frames: "1-10", chunk: 3 }]);
  const worker = await joinWorker({ api, ...rest });
  const first = await worker.work();
  expect([ordinalsOf(first), first.lease.actionParameters["Frame"]?.value]).toEqual([[0, 1, 2], "1-3"]);
  await worker.report(first, [started(0), failed(0)], { done: true });
  const again = await worker.work();
  expect(ordinalsOf(again)).toEqual([0, 1, 2]);
  await worker.succeed(again);
  const sizes = [];
  for (let held = await worker.lease(); held; held = await worker.lease()) {
    sizes.push(held.lease.actionParameters["Frame"]?.value);
    await worker.succeed(held);
  }
  expect(sizes).toEqual(["4-5", "6-8", "9-10"]);
  await untilState(api, number, "succeeded");
  // One frame of a chunk brings its neighbours along.
  expect(await requeue(api, number, { frames: "5" })).toEqual({ requeued: 2 });
});

test("a poisonous frame in a chunk whose size is chosen when leasing is isolated", async () => {
  const { api, ...rest } = await testBroker();
  const { number } = await submit(api, [{ frames: "1-12", chunk: 4, targetSeconds: 60 }], { maxRetries: 2 });
  const worker = await joinWorker({ api, ...rest });
  const poisonous = 6;
  const leases: number[][] = [];
  for (let held = await worker.lease(); held; held = await worker.lease()) {
    const ordinals = ordinalsOf(held);
    leases.push(ordinals);
    const at = ordinals.indexOf(poisonous);
    if (at < 0) {
      await worker.succeed(held);
      continue;
    }
    // The action dies at that frame: those before it are done, those after it go back.
    const before = ordinals.slice(0, at).flatMap((ordinal) => [started(ordinal), succeeded(ordinal)]);
    await worker.report(held, [...before, started(poisonous), failed(poisonous)], { done: true });
  }
  const job = await untilState(api, number, "failed");
  expect(job.counts).toMatchObject({ succeeded: 11, failed: 1 });
  // Three tries: once among others, then alone.
  expect(leases.filter((one) => one.includes(poisonous)).slice(1)).toEqual([[poisonous], [poisonous]]);
  const { items } = await api.ok("listTasks", { params: { job: number } });
  expect(items.filter((task) => task.failures > 0).map((task) => task.ordinal)).toEqual([poisonous]);
});

test("frames that a job does not have are told apart from frames that are not done yet", async () => {
  const { api } = await testBroker();
  const refusal = async (steps: Parameters<typeof submit>[1], frames: string) => {
    const { number } = await submit(api, steps);
    const { body } = await api.raw("requeueTasks", { params: { job: number }, body: { frames } });
    return body;
  };
  expect(await refusal([{ frames: "1-40" }], "100")).toMatchObject({
    code: "invalid",
    detail: "Job 1 has no frame 100; its frames are 1-40.",
  });
  expect(await refusal([{ frames: "1-3,7,9-10" }], "4-6")).toMatchObject({
    detail: "Job 2 has no frames 4-6; its frames are 1-3,7,9-10.",
  });
  expect(await refusal([{ frames: "5" }], "1")).toMatchObject({
    detail: "Job 3 has no frame 1; its only frame is 5.",
  });
  expect(await refusal([{ frames: "1-99:2" }], "2")).toMatchObject({
    detail: "Job 4 has no frame 2; its frames lie between 1 and 99.",
  });
  expect(await refusal([{ frames: "1-40" }], "40")).toMatchObject({
    code: "illegal-transition",
    detail: "Job 5 has nothing to render again there: these frames still wait or are being rendered now.",
  });
});
