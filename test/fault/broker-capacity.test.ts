// Capacity: agents are started by demand, within the slots, and one that fell silent is made up for.
import { expect, test } from "vitest";
import type { Launcher } from "../../broker/domain/ports.ts";
import { createSweeper } from "../../broker/service/sweep.ts";
import { eventsSince, submit } from "../support/builders.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { joinWorker, started } from "../support/fake-worker.ts";
import { testBroker } from "../support/start-broker.ts";

/** A launcher whose agents are whatever the test makes of their tokens. */
function countingLauncher() {
  const launches: { launchId: string; token: string }[] = [];
  const waiting: (() => void)[] = [];
  const launcher: Launcher = {
    start(launch) {
      launches.push(launch);
      for (const wake of waiting.splice(0)) wake();
      const { promise: ended, resolve } = Promise.withResolvers<string>();
      return { launchId: launch.launchId, pid: null, ended, stop: () => Promise.resolve(resolve("stopped")) };
    },
    adopt: () => null,
  };
  async function started(count: number): Promise<void> {
    while (launches.length < count) {
      // oxlint-disable-next-line no-await-in-loop -- this is what waiting is
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  }
  return { launcher, launches, started };
}

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
  const [first] = launches as [{ launchId: string; token: string }];
  const worker = await joinWorker(broker, { launchId: first.launchId }, first.token);
  const held = await worker.work();
  await worker.report(held, [started(0)]);
  clock.advance(3001);
  expect(await sweeper.sweep()).toBe(1);
  await launched(2);
  expect(launches).toHaveLength(2);
});
