// A paused pool: its workers finish their frames, nobody is started in it, whoever comes begins paused; until it is resumed.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { PoolIntent, WorkerIntent } from "../../broker/contract/states.ts";
import { leaseTask } from "../../broker/service/lease-task.ts";
import { registerWorker } from "../../broker/service/register-worker.ts";
import { setPoolIntent } from "../../broker/service/set-pool-intent.ts";
import { eventsSince, submit, taskStatesOf } from "../support/builders.ts";
import { countingLauncher, type Launched } from "../support/counting-launcher.ts";
import { joinWorker, registration, started, workerAt } from "../support/fake-worker.ts";
import { follow, pictureOf } from "../support/feed-reader.ts";
import { openBroker, testBroker, testFolder, type TestBroker } from "../support/start-broker.ts";

const tellPool = (broker: TestBroker, intent: PoolIntent, pool = "local") =>
  broker.api.ok("setPoolIntent", { params: { pool }, body: { intent } });
const tell = (broker: TestBroker, worker: string, intent: WorkerIntent) =>
  broker.api.ok("setWorkerIntent", { params: { worker }, body: { intent } });

async function shown(broker: TestBroker) {
  const { items } = await broker.api.ok("listWorkers");
  return items.map(({ name, state, intent }) => [name, state, intent].join(" "));
}
const paused = async (broker: TestBroker) => (await broker.api.ok("listWorkers")).pausedPools;
const why = async (broker: TestBroker, job: number) => {
  const { pausedPools, pausedWorkers } = await broker.api.ok("getJob", { params: { job } });
  return { pausedPools, pausedWorkers };
};

test("its workers finish the frame in work and take no more; told to go on, they do at once", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const busy = await joinWorker(broker);
  const idle = await joinWorker(broker, { name: "render-01" });
  const elsewhere = await joinWorker(broker, { name: "far", pool: "farm" });
  const held = await busy.work();
  await busy.report(held, [started(0)]);
  const { version } = await busy.orders();
  const hears = busy.orders(version);
  const answer = await tellPool(broker, "pause");
  expect(answer).toMatchObject({ pool: "local", intent: "pause" });
  expect(answer.workers.map(({ name, state, intent }) => [name, state, intent])).toEqual([
    ["this PC", "pausing", "run"],
    ["render-01", "paused", "run"],
  ]);
  expect((await hears).orders).toEqual([
    { kind: "pause" },
    { kind: "finish-frame", leaseId: held.lease.leaseId },
  ]);
  expect((await busy.succeed(held, { next: true })).next).toBeNull();
  expect(await idle.lease()).toBeNull();
  expect(await shown(broker)).toEqual(["this PC paused run", "render-01 paused run", "far idle run"]);
  expect(await taskStatesOf(broker.api, number)).toEqual(["succeeded", "ready", "ready"]);
  await elsewhere.succeed(await elsewhere.work());
  const before = await idle.orders();
  const resumed = idle.orders(before.version);
  await tellPool(broker, "run");
  expect((await resumed).orders).toEqual([{ kind: "lease-available" }]);
  await idle.work();
});

test("a pool that nobody is in is paused all the same: nobody is started, the job says so, and resuming starts one", async () => {
  const { launcher, launches, started: launched, looked } = countingLauncher();
  const broker = await testBroker({ launcher });
  await tellPool(broker, "pause");
  const { number } = await submit(broker.api);
  await looked(broker);
  expect(launches).toEqual([]);
  expect(await why(broker, number)).toEqual({ pausedPools: ["local"], pausedWorkers: [] });
  await tellPool(broker, "run");
  await launched(1);
  expect(await why(broker, number)).toEqual({ pausedPools: [], pausedWorkers: [] });
});

test("whoever comes begins paused: one that was being started, one that joins, one after another", async () => {
  const { launcher, launches, started: launched } = countingLauncher();
  const broker = await testBroker({ launcher });
  await submit(broker.api);
  await launched(1);
  await tellPool(broker, "pause");
  const { launchId, token } = launches[0] as Launched;
  const own = await joinWorker(broker, { launchId }, token);
  const guest = await joinWorker(broker, { name: "guest" });
  expect(await own.lease()).toBeNull();
  expect(await guest.lease()).toBeNull();
  expect((await own.orders()).orders).toEqual([{ kind: "pause" }]);
  await own.leave();
  await guest.leave();
  expect(await shown(broker), "nobody of them is kept in mind").toEqual([]);
  await joinWorker(broker, { name: "guest" });
  expect(await shown(broker)).toEqual(["guest paused run"]);
  await tellPool(broker, "run");
  expect(await shown(broker)).toEqual(["guest idle run"]);
});

test("a restart of the broker forgets neither the pause nor the frame in work, and nobody is started after it", async () => {
  const dataFolder = testFolder();
  const first = await openBroker({ dataFolder });
  const { number } = await submit(first.api);
  const before = await joinWorker(first);
  const held = await before.work();
  await before.report(held, [started(0)]);
  await tellPool(first, "pause");
  await first.stop();
  const { launcher, launches, started: launched, looked } = countingLauncher();
  const broker = await testBroker({ dataFolder, launcher });
  const worker = workerAt(broker, broker.api.as(before.token), before.id, before.token);
  expect(await paused(broker)).toEqual(["local"]);
  expect(await shown(broker)).toEqual(["this PC pausing run"]);
  expect((await worker.succeed(held, { next: true })).next).toBeNull();
  expect(await worker.lease()).toBeNull();
  await worker.leave();
  await looked(broker);
  expect(launches).toEqual([]);
  expect(await why(broker, number)).toEqual({ pausedPools: ["local"], pausedWorkers: [] });
  await tellPool(broker, "run");
  await launched(1);
});

test("resuming it leaves those that were paused by themselves: somebody wants that machine", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const one = await joinWorker(broker, { name: "anna's desk" });
  const two = await joinWorker(broker);
  await tell(broker, one.id, "pause");
  await tellPool(broker, "pause");
  expect(await tell(broker, two.id, "run"), "it goes on with its pool").toMatchObject({
    state: "paused",
    intent: "run",
  });
  expect(await two.lease()).toBeNull();
  expect(await why(broker, number)).toEqual({ pausedPools: ["local"], pausedWorkers: [] });
  expect((await tellPool(broker, "run")).workers.map(({ name, intent }) => [name, intent])).toEqual([
    ["anna's desk", "pause"],
    ["this PC", "run"],
  ]);
  expect(await shown(broker)).toEqual(["anna's desk paused pause", "this PC idle run"]);
  await two.leave();
  expect(await why(broker, number)).toEqual({ pausedPools: [], pausedWorkers: ["anna's desk"] });

  await tellPool(broker, "pause");
  expect(await tell(broker, one.id, "run")).toMatchObject({ state: "paused", intent: "run" });
  await tellPool(broker, "run");
  await one.work();
});

test("in a paused pool one can still be let go: it finishes and leaves", async () => {
  const broker = await testBroker();
  await submit(broker.api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  await worker.report(held, [started(0)]);
  await tellPool(broker, "pause");
  expect(await tell(broker, worker.id, "drain")).toMatchObject({ state: "draining" });
  expect((await worker.orders()).orders[0]).toEqual({ kind: "drain" });
  await tellPool(broker, "run");
  expect(await shown(broker)).toEqual(["this PC draining drain"]);
  await tellPool(broker, "pause");
  expect(await tell(broker, worker.id, "run")).toMatchObject({ state: "pausing", intent: "run" });
});

test("what is asked twice is asked once; every change is one event, and one for each worker that it changes", async () => {
  const broker = await testBroker();
  await joinWorker(broker);
  const { cursor } = await broker.api.ok("listEvents");
  for (const intent of ["pause", "pause", "run", "run"] as const)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await tellPool(broker, intent);
  const events = await eventsSince(broker.api, cursor);
  expect(events.map(({ kind, state, data }) => [kind, state, data?.["intent"] ?? data?.["name"]])).toEqual([
    ["pool.changed", null, "pause"],
    ["worker.changed", "paused", "this PC"],
    ["pool.changed", null, "run"],
    ["worker.changed", "idle", "this PC"],
  ]);
});

test("a pool that nobody knows is refused by its name; one that workers joined by themselves is known, also when they are gone", async () => {
  const dataFolder = testFolder();
  writeFileSync(
    join(dataFolder, "tally.yaml"),
    "pools: { local: { kind: local, slots: 1 }, farm: { kind: joined } }\n",
  );
  const broker = await testBroker({ dataFolder });
  const body = { intent: "pause" };
  const refused = await broker.api.problem("setPoolIntent", "not-found", { params: { pool: "lcoal" }, body });
  expect(refused.detail).toBe('There is no pool "lcoal". There are: local, farm.');
  await broker.api.problem("setPoolIntent", "invalid", {
    params: { pool: "local" },
    body: { intent: "drain" },
  });
  const odd = "night & day/1 %";
  const worker = await joinWorker(broker, { pool: odd });
  await worker.leave();
  await tellPool(broker, "pause", odd);
  await tellPool(broker, "pause", "farm");
  expect(await paused(broker)).toEqual(["farm", odd]);
  await tellPool(broker, "run", odd);
  expect(await paused(broker)).toEqual(["farm"]);
});

test("in one group of writes what came first holds: a pause before a lease, a worker before a pause, a pause before a worker", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  await joinWorker(broker);
  const memory = broker.broker.workers.get(1);
  if (!memory) throw new Error("the worker is not there");
  const [, lease] = await Promise.all([
    setPoolIntent(broker.broker, "local", "pause"),
    leaseTask(broker.broker, memory),
  ]);
  expect(lease).toBeNull();
  expect(await taskStatesOf(broker.api, number)).toEqual(["ready", "ready", "ready"]);
  const { signal } = new AbortController();
  const joins = (name: string) =>
    registerWorker(broker.broker, memory.tokenId, registration({ name }), signal);
  await Promise.all([joins("two"), setPoolIntent(broker.broker, "local", "run"), joins("three")]);
  await Promise.all([joins("four"), setPoolIntent(broker.broker, "local", "pause"), joins("five")]);
  const all = ["this PC", "two", "three", "four", "five"];
  expect((await shown(broker)).toSorted()).toEqual(all.map((name) => `${name} paused run`).toSorted());
  expect([...broker.broker.workers.values()].map(({ intent }) => intent)).toEqual(all.map(() => "pause"));
});

test("the feed tells of it to who follows the workers: at once, after a while away, and to who comes fresh", async () => {
  const broker = await testBroker();
  const client = follow(broker, ["workers"]);
  await client.until(({ state }) => state === "live");
  await tellPool(broker, "pause");
  await client.until(({ store }) => store.pausedPools.has("local"));
  const fresh = follow(broker, ["workers"]);
  await fresh.until(({ state }) => state === "live");
  expect(pictureOf(fresh.store)).toEqual(pictureOf(client.store));
  expect([...fresh.store.pausedPools]).toEqual(["local"]);
  const others = follow(broker, ["jobs"]);
  await others.until(({ state }) => state === "live");
  await tellPool(broker, "run");
  await client.until(({ store }) => store.pausedPools.size === 0);
  expect(others.store.pausedPools.size).toBe(0);
});
