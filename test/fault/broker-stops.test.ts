// Pause, cancel, priority, drain: what a person asks takes effect after the current frame, or at once where it says so.
import { expect, test } from "vitest";
import type { Api } from "../support/api.ts";
import { submit, taskStatesOf, until, untilState } from "../support/builders.ts";
import { joinWorker, started } from "../support/fake-worker.ts";
import { testBroker } from "../support/start-broker.ts";

const ask = (api: Api, job: number, intent: string) =>
  api.ok("setJobIntent", { params: { job }, body: { intent } });

test("pause takes effect after the current frame, and resume goes on", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const { number } = await submit(api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  await worker.report(held, [started(0)]);
  const { version } = await worker.orders();
  const told = worker.orders(version);
  expect(await ask(api, number, "pause")).toMatchObject({ state: "pausing" });
  // The open request hears of it at once.
  expect((await told).orders).toEqual([{ kind: "finish-frame", leaseId: held.lease.leaseId }]);
  expect((await worker.succeed(held, { next: true })).next).toBeNull();
  await untilState(api, number, "paused");
  expect(await worker.lease()).toBeNull();
  const idle = await worker.orders();
  expect(idle.orders).toEqual([]);
  const woken = worker.orders(idle.version);
  expect(await ask(api, number, "run")).toMatchObject({ state: "queued" });
  expect((await woken).orders).toEqual([{ kind: "lease-available" }]);
  expect((await worker.work()).lease.tasks[0]?.ordinal).toBe(1);
});

test("a job submitted paused waits", async () => {
  const broker = await testBroker();
  const job = await submit(broker.api, [{}], { paused: true });
  expect(job).toMatchObject({ state: "paused", intent: "pause" });
  const worker = await joinWorker(broker);
  expect(await worker.lease()).toBeNull();
  await ask(broker.api, job.number, "run");
  await worker.work();
});

test("a higher priority goes first after the current frame", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const { number: low } = await submit(api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  await worker.report(held, [started(0)]);
  const { version } = await worker.orders();
  const told = worker.orders(version);
  const { number: high } = await submit(api, [{ frames: "1" }], { priority: 90 });
  expect((await told).orders).toEqual([{ kind: "finish-frame", leaseId: held.lease.leaseId }]);
  const { next } = await worker.succeed(held, { next: true });
  expect(next?.jobNumber).toBe(high);
  await worker.succeed({ lease: next as never, seq: 0 });
  expect((await worker.work()).lease.jobNumber).toBe(low);
});

test("a priority that is raised later counts too", async () => {
  const broker = await testBroker();
  await submit(broker.api);
  const { number: second } = await submit(broker.api);
  await broker.api.ok("setJobPriority", { params: { job: second }, body: { priority: 51 } });
  const worker = await joinWorker(broker);
  expect((await worker.work()).lease.jobNumber).toBe(second);
});

test("cancel stops what runs at once and cancels what waits", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const { number } = await submit(api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  await worker.report(held, [started(0)]);
  const { version } = await worker.orders();
  const told = worker.orders(version);
  expect(await ask(api, number, "cancel")).toMatchObject({ state: "canceling" });
  expect((await told).orders).toEqual([
    { kind: "stop-lease", leaseId: held.lease.leaseId, reason: "The job was canceled." },
  ]);
  await worker.report(held, [{ type: "canceled", ordinal: 0, logOffset: 0 }], { done: true });
  await untilState(api, number, "canceled");
  expect(await taskStatesOf(api, number)).toEqual(["canceled", "canceled", "canceled"]);
  // Asking twice is no mistake.
  expect(await ask(api, number, "cancel")).toMatchObject({ state: "canceled" });
});

test("a frame that finished before it heard of the cancel stays finished", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  await ask(broker.api, number, "cancel");
  await worker.succeed(held);
  await untilState(broker.api, number, "canceled");
  expect(await taskStatesOf(broker.api, number)).toEqual(["succeeded", "canceled", "canceled"]);
});

test("a job that stops after too many failures can still be canceled", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const { number } = await submit(api, [{ frames: "1-4" }], { maxRetries: 0, maxFailedTasks: 1 });
  const [one, two] = [await joinWorker(broker), await joinWorker(broker, { name: "b" })];
  const long = await two.work();
  await two.report(long, [started(0)]);
  await one.fail(await one.work());
  await ask(api, number, "cancel");
  expect((await two.orders()).orders).toEqual([expect.objectContaining({ kind: "stop-lease" })]);
  await two.report(long, [{ type: "canceled", ordinal: 0, logOffset: 0 }], { done: true });
  await untilState(api, number, "canceled");
});

test("a worker that drains finishes its frame and takes no more, until it may go on", async () => {
  const broker = await testBroker();
  const { api } = broker;
  await submit(api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const drain = (intent: string) =>
    api.ok("setWorkerIntent", { params: { worker: worker.id }, body: { intent } });
  expect((await drain("drain")).state).toBe("draining");
  expect((await worker.orders()).orders).toEqual([
    { kind: "drain" },
    { kind: "finish-frame", leaseId: held.lease.leaseId },
  ]);
  expect((await worker.succeed(held, { next: true })).next).toBeNull();
  expect(await worker.lease()).toBeNull();
  await drain("run");
  await worker.work();
});

test("canceling 100,000 frames does not hold the loop", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const { number } = await submit(api, [{ frames: "1-100000" }]);
  const over = untilState(api, number, "canceled");
  await ask(api, number, "cancel");
  let isOver = false;
  const told = over.then((job) => {
    isOver = true;
    return job;
  });
  const waits: number[] = [];
  while (!isOver) {
    const asked = performance.now();
    // oxlint-disable-next-line no-await-in-loop -- one after the other, all the while
    await api.ok("health", { token: null });
    waits.push(performance.now() - asked);
  }
  expect((await told).counts).toMatchObject({ canceled: 100_000, ready: 0 });
  expect(waits.length).toBeGreaterThan(10);
  // A bound for a busy machine; held as one piece, this takes seconds.
  expect(Math.max(...waits)).toBeLessThan(1000);
});

test("fair share: the owner who had less goes first, and a warm session keeps its worker", async () => {
  const broker = await testBroker();
  const [ann, bob] = [
    broker.api.as(await broker.tokenFor("artist", "ann")),
    broker.api.as(await broker.tokenFor("artist", "bob")),
  ];
  const { number: first } = await submit(ann, [{ frames: "1-4" }]);
  const { number: second } = await submit(bob, [{ frames: "1-4" }]);
  const [one, two] = [await joinWorker(broker), await joinWorker(broker, { name: "b" })];
  const held = await one.work();
  expect(held.lease.jobNumber).toBe(first);
  await one.succeed(held);
  // Ann had a second, Bob none: a new worker goes to Bob, the warm one stays with Ann.
  expect((await two.work()).lease.jobNumber).toBe(second);
  expect((await one.work()).lease.jobNumber).toBe(first);
});

test("a worker gets only what it can run", async () => {
  const broker = await testBroker();
  await submit(broker.api, [{ requires: { amounts: [{ name: "amount.worker.gpu", min: 1 }] } }]);
  const { number: cpu } = await submit(broker.api, [{}], { blenderSeries: "4.5" });
  const plain = await joinWorker(broker);
  expect(await plain.lease()).toBeNull();
  const blenders = [{ series: "4.5", version: "4.5.3", path: "/b", kind: "bpy" as const, source: "test" }];
  const blender = await joinWorker(broker, { name: "b", blenders });
  expect((await blender.work()).lease.jobNumber).toBe(cpu);
  const gpu = await joinWorker(broker, { name: "g", amounts: { "amount.worker.gpu": 1 } });
  expect((await gpu.work()).lease.jobNumber).toBe(1);
});

test("events tell every change of a frame, once", async () => {
  const broker = await testBroker();
  const { api } = broker;
  const { cursor } = await api.ok("listEvents");
  const { number } = await submit(api, [{ frames: "1" }]);
  const worker = await joinWorker(broker);
  await worker.succeed(await worker.work());
  const events = await until(api, async () => {
    const page = await api.ok("listEvents", { query: { after: cursor, job: number } });
    return page.events.some((event) => event.state === "succeeded" && event.kind === "job.changed")
      ? page.events
      : undefined;
  });
  expect(events.map((event) => `${event.kind} ${event.state}`)).toEqual([
    "job.created queued",
    "task.changed running",
    "job.changed running",
    "task.changed succeeded",
    "job.changed succeeded",
  ]);
  const cursors = events.map((event) => event.cursor);
  expect(cursors).toEqual(cursors.toSorted((a, b) => a - b));
  await api.problem("listEvents", "cursor-expired", { query: { after: 1_000_000 } });
});
