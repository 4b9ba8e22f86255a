// An agent comes under the name of a paused worker: the pause is its own where that worker is gone, and a live one is left alone.
import { expect, test } from "vitest";
import { defaultLimits } from "../../broker/service/broker.ts";
import { submit, taskStatesOf } from "../support/builders.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { joinWorker, registration, started, workerAt, type FakeWorker } from "../support/fake-worker.ts";
import { openBroker, testBroker, testFolder, type TestBroker } from "../support/start-broker.ts";

const pause = (broker: TestBroker, { id }: FakeWorker) =>
  broker.api.ok("setWorkerIntent", { params: { worker: id }, body: { intent: "pause" } });

async function shown(broker: TestBroker) {
  const { items } = await broker.api.ok("listWorkers");
  return items.map(({ name, state, intent }) => [name, state, intent].join(" "));
}

const memoryOf = (broker: TestBroker, { id }: FakeWorker) =>
  broker.broker.workers.get(Number(id.slice("wrk_".length)));

/** Registers an agent with the token and the name of another; resolves when that one was asked whether it is here. */
async function another(broker: TestBroker, first: FakeWorker) {
  const before = memoryOf(broker, first)?.version;
  const joining = joinWorker(broker, {}, first.token);
  await expect.poll(() => memoryOf(broker, first)?.version).not.toBe(before);
  return { joining };
}

test("an agent that was killed and began anew before it was missed is paused, its frame is tried again", async () => {
  const clock = createFakeClock();
  const broker = await testBroker({ clock });
  const { number } = await submit(broker.api);
  const first = await joinWorker(broker);
  const held = await first.work();
  await first.report(held, [started(0)]);
  await pause(broker, first);
  const { joining } = await another(broker, first);
  expect(await shown(broker), "it may be here").toEqual(["this PC pausing pause"]);
  clock.advance(defaultLimits.answersWithinMs);
  const second = await joining;
  expect(await shown(broker)).toEqual(["this PC paused pause"]);
  expect(second.id).not.toBe(first.id);
  const { items } = await broker.api.ok("listTasks", { params: { job: number } });
  expect(items[0]).toMatchObject({ state: "ready", losses: 1, failures: 0 });
  expect(items[0]?.reason).toBe(
    "The worker's own process began anew while it rendered. The frame is tried again.",
  );
});

test("so is one after a power cut, though its line to the broker still looks open", async () => {
  const clock = createFakeClock();
  const broker = await testBroker({ clock });
  const first = await joinWorker(broker);
  await pause(broker, first);
  const { version } = await first.orders();
  const open = first.orders(version);
  await expect.poll(() => memoryOf(broker, first)?.waiting.size).toBe(1);
  const { joining } = await another(broker, first);
  // It was answered, and nobody is there to ask again.
  await open;
  clock.advance(defaultLimits.answersWithinMs);
  await joining;
  expect(await shown(broker)).toEqual(["this PC paused pause"]);
});

test("a live one between two questions is left alone: the second agent gets a name of its own, no frame is lost", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const first = await joinWorker(broker);
  const held = await first.work();
  await first.report(held, [started(0)]);
  await pause(broker, first);
  await first.orders();
  const { joining } = await another(broker, first);
  await first.orders();
  await joining;
  expect(await shown(broker)).toEqual(["this PC pausing pause", "this PC 2 idle run"]);
  await first.succeed(held);
  expect(await taskStatesOf(broker.api, number)).toEqual(["succeeded", "ready", "ready"]);
});

test("so is one that did not find back yet to a broker that was just started", async () => {
  const dataFolder = testFolder();
  const before = await openBroker({ dataFolder });
  const { id, token } = await joinWorker(before);
  await before.api.ok("setWorkerIntent", { params: { worker: id }, body: { intent: "pause" } });
  await before.stop();
  const broker = await testBroker({ dataFolder });
  const first = workerAt(broker, broker.api.as(token), id, token);
  const { joining } = await another(broker, first);
  await first.orders();
  await joining;
  expect(await shown(broker)).toEqual(["this PC paused pause", "this PC 2 idle run"]);
});

test("one with another token, or of another pool, is not asked: its neighbour is not the same agent", async () => {
  const broker = await testBroker();
  const first = await joinWorker(broker);
  await pause(broker, first);
  await joinWorker(broker, {}, await broker.tokenFor("worker", "another"));
  await joinWorker(broker, { pool: "farm" }, first.token);
  expect(await shown(broker)).toEqual(["this PC paused pause", "this PC 2 idle run", "this PC 3 idle run"]);
});

test("an agent that ends while the first one is asked becomes no worker", async () => {
  const clock = createFakeClock();
  const broker = await testBroker({ clock });
  const first = await joinWorker(broker);
  await pause(broker, first);
  const version = memoryOf(broker, first)?.version;
  const stop = new AbortController();
  const joining = first.api.raw("registerWorker", { body: registration(), signal: stop.signal });
  await expect.poll(() => memoryOf(broker, first)?.version).not.toBe(version);
  stop.abort();
  await expect(joining).rejects.toThrow("abort");
  // One that comes after it is heard to the end, and is the only one.
  const { joining: third } = await another(broker, first);
  clock.advance(defaultLimits.answersWithinMs);
  await third;
  expect(await shown(broker)).toEqual(["this PC paused pause"]);
  const { items } = await broker.api.ok("listWorkers", { query: { all: true } });
  expect(items.map(({ id }) => id)).toEqual(["wrk_2", "wrk_1"]);
});
