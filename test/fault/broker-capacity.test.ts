// Capacity: agents are started by demand, within the slots, and one that fell silent is made up for.
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { createCapacityLoop } from "../../broker/service/capacity.ts";
import { createSweeper } from "../../broker/service/sweep.ts";
import { eventsSince, submit } from "../support/builders.ts";
import { countingLauncher, type Launched } from "../support/counting-launcher.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { joinWorker, started } from "../support/fake-worker.ts";
import { testBroker } from "../support/start-broker.ts";

test("one agent is started for a job, however many frames it has: the pool has one slot", async () => {
  const { launcher, launches, started: launched } = countingLauncher();
  const broker = await testBroker({ launcher });
  await submit(broker.api);
  await launched(1);
  await submit(broker.api);
  await eventsSince(broker.api, 0);
  expect(launches).toHaveLength(1);
});

test("a worker that fell silent is made up for: another agent is started for its frame", async () => {
  const clock = createFakeClock();
  const { launcher, launches, started: launched } = countingLauncher();
  const broker = await testBroker({ launcher, clock, limits: { leaseTermMs: 3000 } });
  const sweeper = createSweeper(broker.broker);
  await submit(broker.api);
  await launched(1);
  const [first] = launches as [Launched];
  const worker = await joinWorker(broker, { launchId: first.launchId }, first.token);
  const held = await worker.work();
  await worker.report(held, [started(0)]);
  clock.advance(3001);
  expect(await sweeper.sweep()).toBe(1);
  await launched(2);
  expect(launches).toHaveLength(2);
});

test("a disk that cannot be read as demand is looked at ends no broker", async () => {
  const broker = await testBroker();
  await submit(broker.api);
  const reader = new Database(join(broker.dataFolder, "tally.db"), { readonly: true });
  const failed = Promise.withResolvers<unknown>();
  const { launcher, started: launched } = countingLauncher();
  const loop = (of: Database.Database) =>
    createCapacityLoop(
      { ...broker.broker, reader: of },
      { pool: "local", slots: 1, launcher, onEnd: () => undefined, onError: failed.resolve },
    );
  const broken = loop(reader);
  reader.close();
  broken.wake();
  expect(String(await failed.promise)).toContain("not open");
  loop(broker.broker.reader).wake();
  await launched(1);
});
