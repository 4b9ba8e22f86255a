// A paused worker: it finishes its frame, takes no more, stays, and is not made up for; nothing but a person ends that.
import { expect, test } from "vitest";
import type { WorkerIntent } from "../../broker/contract/states.ts";
import { leaseTask } from "../../broker/service/lease-task.ts";
import { setWorkerIntent } from "../../broker/service/set-worker-intent.ts";
import { createSweeper } from "../../broker/service/sweep.ts";
import { eventsSince, submit, taskStatesOf } from "../support/builders.ts";
import { countingLauncher, type Launched } from "../support/counting-launcher.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { joinWorker, started, workerAt, type FakeWorker } from "../support/fake-worker.ts";
import { follow } from "../support/feed-reader.ts";
import { openBroker, testBroker, testFolder, type TestBroker } from "../support/start-broker.ts";

const tell = (broker: TestBroker, worker: string, intent: WorkerIntent) =>
  broker.api.ok("setWorkerIntent", { params: { worker }, body: { intent } });

async function shown(broker: TestBroker, all = false) {
  const { items } = await broker.api.ok("listWorkers", { query: { all } });
  return items.map(({ name, state, intent }) => [name, state, intent].join(" "));
}

/** Orders once they are newer than those it knows. */
const nextOrders = (worker: FakeWorker, after: number) => worker.orders(after);

test("it finishes the frame in work, takes no more and stays, until it is told to run", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  await worker.report(held, [started(0)]);
  const { version } = await worker.orders();
  const hears = nextOrders(worker, version);
  expect(await tell(broker, worker.id, "pause")).toMatchObject({
    state: "pausing",
    intent: "pause",
    jobNumber: number,
  });
  expect((await hears).orders).toEqual([
    { kind: "pause" },
    { kind: "finish-frame", leaseId: held.lease.leaseId },
  ]);
  expect((await worker.succeed(held, { next: true })).next).toBeNull();
  expect(await shown(broker)).toEqual(["this PC paused pause"]);
  expect((await worker.orders()).orders).toEqual([{ kind: "pause" }]);
  expect(await worker.lease()).toBeNull();
  expect(await taskStatesOf(broker.api, number)).toEqual(["succeeded", "ready", "ready"]);
  const before = await worker.orders();
  const resumed = nextOrders(worker, before.version);
  expect(await tell(broker, worker.id, "run")).toMatchObject({ state: "idle", intent: "run" });
  expect((await resumed).orders).toEqual([{ kind: "lease-available" }]);
  await worker.work();
});

test("what is asked twice is asked once, and every change is one event", async () => {
  const broker = await testBroker();
  const worker = await joinWorker(broker);
  const { cursor } = await broker.api.ok("listEvents");
  for (const intent of ["pause", "pause", "run", "run", "drain", "pause"] as const)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await tell(broker, worker.id, intent);
  const events = await eventsSince(broker.api, cursor);
  expect(events.map(({ kind, state }) => `${kind} ${state}`)).toEqual(
    ["paused", "idle", "draining", "paused"].map((state) => `worker.changed ${state}`),
  );
  await broker.api.problem("setWorkerIntent", "invalid", {
    params: { worker: worker.id },
    body: { intent: "sleep" },
  });
});

test("a frame is offered to one that takes it, not to a paused one before it", async () => {
  const broker = await testBroker();
  const [paused, free] = [await joinWorker(broker), await joinWorker(broker, { name: "render-01" })];
  await tell(broker, paused.id, "pause");
  const known = (await paused.orders()).version;
  const { version } = await free.orders();
  const hears = nextOrders(free, version);
  await submit(broker.api, [{ frames: "1" }]);
  expect((await hears).orders).toEqual([{ kind: "lease-available" }]);
  expect((await paused.orders()).version, "it is left alone").toBe(known);
});

test("pause and lease in one group of writes: the pause that came first holds", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const worker = await joinWorker(broker);
  const memory = broker.broker.workers.get(1);
  if (!memory) throw new Error("the worker is not there");
  const [, lease] = await Promise.all([
    setWorkerIntent(broker.broker, memory.id, "pause"),
    leaseTask(broker.broker, memory),
  ]);
  expect(lease).toBeNull();
  expect(await taskStatesOf(broker.api, number)).toEqual(["ready", "ready", "ready"]);
  await tell(broker, worker.id, "run");
  await worker.work();
});

test("frames that it was given and never heard of go back when it asks while paused", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const worker = await joinWorker(broker);
  const lost = await worker.work();
  await tell(broker, worker.id, "pause");
  expect(await worker.lease()).toBeNull();
  expect(await taskStatesOf(broker.api, number)).toEqual(["ready", "ready", "ready"]);
  expect(await shown(broker)).toEqual(["this PC paused pause"]);
  const stale = {
    params: { lease: lost.lease.leaseId },
    body: { token: lost.lease.token, seq: 1, items: [] },
  };
  await worker.api.problem("reportLease", "lease-lost", stale);
});

test("a restart of the broker forgets neither the pause nor the frame in work", async () => {
  const dataFolder = testFolder();
  const first = await openBroker({ dataFolder });
  await submit(first.api);
  const before = await joinWorker(first);
  const held = await before.work();
  await before.report(held, [started(0)]);
  await tell(first, before.id, "pause");
  await first.stop();
  const broker = await testBroker({ dataFolder });
  const worker = workerAt(broker, broker.api.as(before.token), before.id, before.token);
  expect(await shown(broker)).toEqual(["this PC pausing pause"]);
  expect((await worker.succeed(held, { next: true })).next).toBeNull();
  expect(await shown(broker)).toEqual(["this PC paused pause"]);
  expect(await worker.lease()).toBeNull();
});

test("one that left while paused is still known, comes back paused, and can be resumed while it is away", async () => {
  const broker = await testBroker();
  await submit(broker.api);
  const client = follow(broker, ["workers"]);
  const inFeed = () => [...client.store.workers.values()].map(({ id, state }) => `${id} ${state}`);
  const first = await joinWorker(broker, {}, await broker.tokenFor("worker"));
  await tell(broker, first.id, "pause");
  await first.leave();
  expect(await shown(broker)).toEqual(["this PC stopped pause"]);
  await client.until(() => inFeed().join() === `${first.id} stopped`);
  const fresh = follow(broker, ["workers"]);
  await fresh.until(({ state }) => state === "live");
  expect([...fresh.store.workers.keys()]).toEqual([first.id]);

  const second = await joinWorker(broker, {}, await broker.tokenFor("worker"));
  expect(await shown(broker)).toEqual(["this PC paused pause"]);
  expect(await second.lease()).toBeNull();
  await client.until(() => inFeed().join() === `${second.id} paused`);
  expect(await shown(broker, true)).toEqual(["this PC paused pause", "this PC stopped run"]);

  await second.leave();
  await broker.api.problem("setWorkerIntent", "not-found", {
    params: { worker: second.id },
    body: { intent: "drain" },
  });
  await tell(broker, second.id, "run");
  expect(await shown(broker)).toEqual([]);
  await client.until(() => client.store.workers.size === 0);
  await broker.api.problem("setWorkerIntent", "not-found", {
    params: { worker: second.id },
    body: { intent: "pause" },
  });
  await (await joinWorker(broker)).work();
});

test("a pause belongs to a name in its pool: neighbours go on", async () => {
  const broker = await testBroker();
  await submit(broker.api);
  const worker = await joinWorker(broker);
  await tell(broker, worker.id, "pause");
  await worker.leave();
  await joinWorker(broker, { pool: "farm" });
  await joinWorker(broker, { name: "render-01" });
  expect(await shown(broker)).toEqual(["this PC idle run", "render-01 idle run", "this PC stopped pause"]);
});

test("one that was lost while paused is told as lost, and comes back paused", async () => {
  const clock = createFakeClock();
  const limits = { leaseTermMs: 3000, workerSilenceMs: 4000 };
  const broker = await testBroker({ clock, limits });
  const sweeper = createSweeper(broker.broker);
  const { number } = await submit(broker.api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  await worker.report(held, [started(0)]);
  await tell(broker, worker.id, "pause");
  const { cursor } = await broker.api.ok("listEvents");
  for (let turn = 0; turn < 3; turn++) {
    clock.advance(3001);
    // oxlint-disable-next-line no-await-in-loop -- time goes by
    await sweeper.sweep();
  }
  expect(await shown(broker)).toEqual(["this PC lost pause"]);
  const events = await eventsSince(broker.api, cursor);
  expect(events.filter(({ kind }) => kind === "worker.changed").map(({ state }) => state)).toEqual(["lost"]);
  expect(await taskStatesOf(broker.api, number)).toEqual(["ready", "ready", "ready"]);
  await joinWorker(broker);
  expect(await shown(broker)).toEqual(["this PC paused pause"]);
});

test("nobody is started in its place: not while it is here, nor when it is gone, until somebody resumes it", async () => {
  const { launcher, launches, started: launched, looked } = countingLauncher();
  const broker = await testBroker({ launcher });
  await submit(broker.api);
  await launched(1);
  const join = async ({ launchId, token }: Launched) => joinWorker(broker, { launchId }, token);
  const worker = await join(launches[0] as Launched);
  await tell(broker, worker.id, "pause");
  await submit(broker.api);
  await looked(broker);
  expect(launches).toHaveLength(1);
  launches[0]?.end("killed by SIGKILL");
  await expect.poll(() => shown(broker)).toEqual(["this PC lost pause"]);
  await looked(broker);
  expect(launches).toHaveLength(1);
  await tell(broker, worker.id, "run");
  await launched(2);
  await (await join(launches[1] as Launched)).work();
});

test("nor for one that was paused and fell silent in its frame", async () => {
  const clock = createFakeClock();
  const { launcher, launches, started: launched, looked } = countingLauncher();
  const broker = await testBroker({ launcher, clock, limits: { leaseTermMs: 3000 } });
  const sweeper = createSweeper(broker.broker);
  await submit(broker.api);
  await launched(1);
  const { launchId, token } = launches[0] as Launched;
  const worker = await joinWorker(broker, { launchId }, token);
  await worker.report(await worker.work(), [started(0)]);
  await tell(broker, worker.id, "pause");
  clock.advance(3001);
  expect(await sweeper.sweep()).toBe(1);
  await looked(broker);
  expect(launches).toHaveLength(1);
});

test("nor after the broker's restart, whose agents left with it", async () => {
  const dataFolder = testFolder();
  const before = countingLauncher();
  const first = await openBroker({ dataFolder, launcher: before.launcher });
  await submit(first.api);
  await before.started(1);
  const { launchId, token } = before.launches[0] as Launched;
  const worker = await joinWorker(first, { launchId }, token);
  await tell(first, worker.id, "pause");
  await worker.leave();
  await first.stop();
  const after = countingLauncher();
  const broker = await testBroker({ dataFolder, launcher: after.launcher });
  await after.looked(broker);
  expect(after.launches).toEqual([]);
  await tell(broker, worker.id, "run");
  await after.started(1);
});

test("a job says when every worker that could render it is paused, those that are away among them", async () => {
  const broker = await testBroker();
  const gpu = { amounts: [{ name: "amount.worker.gpu", min: 1 }] };
  const { number } = await submit(broker.api, [{ requires: gpu }]);
  const why = async () => (await broker.api.ok("getJob", { params: { job: number } })).pausedWorkers;
  await joinWorker(broker, { name: "no gpu" });
  expect(await why(), "no worker fits: that is another reason").toEqual([]);
  const amounts = { "amount.worker.gpu": 1 };
  const one = await joinWorker(broker, { name: "gpu 10", amounts });
  const two = await joinWorker(broker, { name: "gpu 9", amounts });
  await tell(broker, one.id, "pause");
  expect(await why(), "one can").toEqual([]);
  const held = await two.work();
  await tell(broker, two.id, "pause");
  await two.succeed(held);
  await one.leave();
  expect(await why()).toEqual(["gpu 9", "gpu 10"]);
  await broker.api.ok("setJobIntent", { params: { job: number }, body: { intent: "pause" } });
  expect(await why(), "it is paused itself").toEqual([]);
  await broker.api.ok("setJobIntent", { params: { job: number }, body: { intent: "run" } });
  await tell(broker, two.id, "run");
  expect(await why()).toEqual([]);
});
