// Paused workers and the slots of their pool: each keeps its own and no more, and a job that waits for that says so.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { submit } from "../support/builders.ts";
import { countingLauncher } from "../support/counting-launcher.ts";
import { joinWorker, type FakeWorker } from "../support/fake-worker.ts";
import { testBroker, testFolder, type TestBroker } from "../support/start-broker.ts";

/** A broker with so many slots, and what comes of its launches: each becomes the worker `vm`, `vm 2`, … */
async function studio(slots: number) {
  const dataFolder = testFolder();
  writeFileSync(join(dataFolder, "tally.yaml"), `pools: { local: { kind: local, slots: ${slots} } }\n`);
  const counting = countingLauncher();
  const broker = await testBroker({ dataFolder, launcher: counting.launcher });
  const workers: FakeWorker[] = [];

  /** Waits for so many launches, and lets those that did not yet register. */
  const joined = async (count: number) => {
    await counting.started(count);
    for (const { launchId, token } of counting.launches.slice(workers.length, count))
      // oxlint-disable-next-line no-await-in-loop -- in their order, for their names
      workers.push(await joinWorker(broker, { name: "vm", launchId }, token));
    return workers;
  };
  /** A worker leaves, as an idle one does. */
  const leaves = async (index: number) => {
    await workers[index]?.leave();
    counting.launches[index]?.end("it had nothing to do");
  };
  return { broker, ...counting, joined, leaves };
}

const tell = (broker: TestBroker, { id }: FakeWorker, intent: "pause" | "run") =>
  broker.api.ok("setWorkerIntent", { params: { worker: id }, body: { intent } });

async function shown(broker: TestBroker) {
  const { items } = await broker.api.ok("listWorkers");
  return items.map(({ name, state }) => `${name} ${state}`);
}
const why = async ({ api }: TestBroker, job: number) =>
  (await api.ok("getJob", { params: { job } })).pausedWorkers;

test("pausing one of four leaves three slots, whoever else happens to be there", async () => {
  const { broker, joined, leaves, launches, looked } = await studio(4);
  const before = await submit(broker.api, [{ frames: "1-20" }]);
  const [vm] = await joined(4);
  await tell(broker, vm as FakeWorker, "pause");
  await broker.api.ok("setJobIntent", { params: { job: before.number }, body: { intent: "cancel" } });
  for (const index of [1, 2, 3])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await leaves(index);
  await looked(broker);
  expect(await shown(broker)).toEqual(["vm paused"]);
  const { number } = await submit(broker.api, [{ frames: "1-20" }]);
  await looked(broker);
  expect(launches, "three are started though the paused one is alone").toHaveLength(7);
  expect(await why(broker, number), "others are on their way").toEqual([]);
  await joined(7);
  expect(await shown(broker)).toEqual(["vm paused", "vm 2 idle", "vm 3 idle", "vm 4 idle"]);
  await looked(broker);
  expect(launches).toHaveLength(7);
});

test("one that gets the name of a paused one keeps its slot in its place; the other slots are filled", async () => {
  const { broker, joined, leaves, launches, looked } = await studio(3);
  await submit(broker.api, [{ frames: "1-20" }]);
  const workers = await joined(3);
  await tell(broker, workers[1] as FakeWorker, "pause");
  for (const index of [0, 1, 2])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await leaves(index);
  await looked(broker);
  expect(launches).toHaveLength(5);
  await joined(5);
  expect(await shown(broker)).toEqual(["vm idle", "vm 2 paused"]);
  await looked(broker);
  await joined(6);
  expect(await shown(broker)).toEqual(["vm idle", "vm 2 paused", "vm 3 idle"]);
  await looked(broker);
  expect(launches).toHaveLength(6);
});

test("a name that the next agent would not get, such as vm 2 in one slot: the job says that it waits for it, and goes on once it is resumed", async () => {
  const { broker, joined, leaves, launches, looked } = await studio(1);
  // Another pool's worker has the first name for a while.
  const other = await joinWorker(broker, { name: "vm", pool: "farm" });
  const { number } = await submit(broker.api, [{ frames: "1-20" }], { pool: "local" });
  const [vm2] = await joined(1);
  await tell(broker, vm2 as FakeWorker, "pause");
  await other.leave();
  await leaves(0);
  await looked(broker);
  expect(launches).toHaveLength(1);
  expect(await why(broker, number)).toEqual(["vm 2"]);
  await tell(broker, vm2 as FakeWorker, "run");
  await joined(2);
  expect(await shown(broker)).toEqual(["vm idle"]);
  expect(await why(broker, number)).toEqual([]);
});

test("it says so too where the paused one did not have the Blender when it was last here: the next may", async () => {
  const { broker, joined, leaves } = await studio(1);
  const first = await submit(broker.api, [{ frames: "1" }]);
  const [vm] = await joined(1);
  await tell(broker, vm as FakeWorker, "pause");
  const { number } = await submit(broker.api, [{ frames: "1" }], { blenderSeries: "5.1" });
  for (const place of ["here", "away"]) {
    // oxlint-disable no-await-in-loop -- first here, then away
    if (place === "away") await leaves(0);
    expect(await why(broker, first.number), place).toEqual(["vm"]);
    expect(await why(broker, number), place).toEqual(["vm"]);
    // oxlint-enable no-await-in-loop
  }
});

test("a guest from elsewhere in the pool has none of its slots, paused or not", async () => {
  const { broker, joined, leaves } = await studio(1);
  const guest = await joinWorker(broker, { name: "guest" });
  const gpu = { amounts: [{ name: "amount.worker.gpu", min: 1 }] };
  await submit(broker.api, [{ requires: gpu }]);
  await joined(1);
  expect(await shown(broker)).toEqual(["guest idle", "vm idle"]);
  await tell(broker, guest, "pause");
  await guest.leave();
  await leaves(0);
  await joined(2);
  expect(await shown(broker)).toEqual(["vm idle", "guest stopped"]);
});

test("of several slots, all that are paused keep the pool still, and all are named", async () => {
  const { broker, joined, looked, launches } = await studio(2);
  const { number } = await submit(broker.api, [{ frames: "1-20" }]);
  for (const worker of await joined(2))
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await tell(broker, worker, "pause");
  await looked(broker);
  expect(launches).toHaveLength(2);
  expect(await why(broker, number)).toEqual(["vm", "vm 2"]);
});
