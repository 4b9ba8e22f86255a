// Names of workers that are alive together, and what is told of the frame that one renders.
import { expect, test } from "vitest";
import { submit } from "../../test/support/builders.ts";
import { joinWorker, started, succeeded } from "../../test/support/fake-worker.ts";
import { testBroker } from "../../test/support/start-broker.ts";

test("workers that are alive together have different names; a name is free again when its worker has left", async () => {
  const broker = await testBroker();
  const names = async () =>
    (await broker.api.ok("listWorkers")).items.map(({ name }) => name).toSorted((a, b) => a.localeCompare(b));
  const [first] = await Promise.all([1, 2, 3].map(() => joinWorker(broker, { name: "vm" })));
  expect(await names()).toEqual(["vm", "vm 2", "vm 3"]);
  const { items } = await broker.api.ok("listWorkers");
  const freed = items.find(({ id }) => id === first?.id)?.name;
  await first?.leave();
  await joinWorker(broker, { name: "vm" });
  expect(freed).toBeDefined();
  expect(await names()).toHaveLength(3);
  expect(new Set(await names()).size).toBe(3);
  expect(await names()).toContain("vm");
});

test("progress is that of the frame in work: nothing is told of one that is done", async () => {
  const broker = await testBroker();
  await submit(broker.api, [{ frames: "1-2", chunk: 2 }]);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const progress = async () => (await broker.api.ok("listWorkers")).items[0]?.progress;
  const renew = (ordinal: number, percent: number) =>
    worker.api.ok("renewLease", {
      params: { lease: held.lease.leaseId },
      body: { token: held.lease.token, progress: [{ ordinal, percent }] },
    });
  expect(await progress()).toBeNull();
  await worker.report(held, [started(0)]);
  await renew(0, 100);
  expect(await progress()).toBe(100);
  await worker.report(held, [succeeded(0), started(1)]);
  expect(await progress()).toBeNull();
  await renew(1, 25);
  expect(await progress()).toBe(25);
});
