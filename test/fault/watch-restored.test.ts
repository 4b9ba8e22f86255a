// `tally watch` beside a broker that comes back as an older one, or forgot what it should tell: each frame is told once,
// and what is told anew is said to be.
import { afterAll, beforeAll, expect, test } from "vitest";
import { createPruner } from "../../broker/feed/prune.ts";
import { createDesk, type Desk } from "../e2e/cli-support.ts";
import { submit } from "../support/builders.ts";
import { joinWorker, workerAt } from "../support/fake-worker.ts";
import { openBroker, testBroker, testFolder } from "../support/start-broker.ts";
import { startProxy } from "../support/tcp-proxy.ts";
import { backUp, finish, follows, restore, told, watch } from "../support/watching.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await createDesk();
});
afterAll(() => desk.close());

test("a database restored from a backup while somebody watches: said, nothing twice, and the lost frames once they are done again", async () => {
  const first = await openBroker({ dataFolder: testFolder() });
  const { number } = await submit(first.api, [{ frames: "1-6" }], { maxRetries: 0 });
  const worker = await joinWorker(first);
  await finish(worker, 1);
  const proxy = await startProxy(first.url);
  const watching = watch(desk, proxy.url, first.adminToken);
  const json = watch(desk, proxy.url, first.adminToken, "--json");
  await watching.printed(/1 of 6 frames done/);
  await follows(json, first, number);
  await finish(worker, 1);
  await watching.printed(/frame 2\/6/);
  const backup = backUp(first);
  await finish(worker, 1);
  await watching.printed(/frame 3\/6/);
  await json.printed(/"first":2,"last":2,"state":"succeeded"/);
  await first.stop();
  const restored = await restore(backup);
  // Before the watcher is back, a frame that it told is done again in this history, one that it did not, and one fails.
  const again = workerAt(restored, restored.api.as(worker.token), worker.id, worker.token);
  await finish(again, 2);
  await again.fail(await again.work(), "It burned.");
  proxy.lead(restored.url);
  proxy.cut();
  await watching.printed(/goes on from an older database, as after a restore\./);
  await finish(again, 1);
  const { out, code } = await watching.ended;
  expect(told(out)).toEqual([2, 3, 4, 6]);
  expect(out).toContain("frame 5 failed");
  expect(out).toContain("It burned.");
  expect(out).toMatch(/Job 1 failed: 1 of 6 frames\./);
  expect(code).toBe(1);
  expect((await json.ended).out).toMatch(/^{"kind":"reset","reason":"epoch","detail":".+","job":{/m);
});

test("frames that a restore put back are said to be rendered again, and told again", async () => {
  const first = await openBroker({ dataFolder: testFolder() });
  const { number } = await submit(first.api, [{ frames: "1-3" }]);
  const proxy = await startProxy(first.url);
  const watching = watch(desk, proxy.url, first.adminToken, String(number));
  await watching.printed(/0 of 3 frames done/);
  const worker = await joinWorker(first);
  const backup = backUp(first);
  await finish(worker, 2);
  await watching.printed(/frame 2\/3/);
  await first.stop();
  const restored = await restore(backup);
  proxy.lead(restored.url);
  proxy.cut();
  await watching.printed(/as after a restore\. 2 frames that had been done are to be rendered again\./);
  await finish(workerAt(restored, restored.api.as(worker.token), worker.id, worker.token), 3);
  expect(told((await watching.ended).out)).toEqual([1, 2, 1, 2, 3]);
});

test("another job under the same number after a restore: it is not taken for the one that was watched", async () => {
  const first = await openBroker({ dataFolder: testFolder() });
  const backup = backUp(first);
  await submit(first.api, [{ frames: "1-3" }]);
  const proxy = await startProxy(first.url);
  const watching = watch(desk, proxy.url, first.adminToken);
  await watching.printed(/0 of 3 frames done/);
  await first.stop();
  const restored = await restore(backup);
  await submit(restored.api, [{ frames: "1-9" }], { name: "Another shot" });
  proxy.lead(restored.url);
  proxy.cut();
  const { code, err } = await watching.ended;
  expect(err).toBe(
    "The broker has another database now, in which job 1 is another job (Another shot). The jobs that are there: tally ls\n",
  );
  expect(code).toBe(1);
});

test("history that was pruned meanwhile: what the frames became is told late, and once", async () => {
  const broker = await testBroker();
  await submit(broker.api, [{ frames: "1-8" }], { maxRetries: 0 });
  const proxy = await startProxy(broker.url);
  const watching = watch(desk, proxy.url, broker.adminToken);
  await watching.printed(/0 of 8 frames done/);
  const worker = await joinWorker(broker);
  await finish(worker, 2);
  await watching.printed(/frame 2\/8/);
  proxy.hold();
  proxy.cut();
  await finish(worker, 3);
  await worker.fail(await worker.work(), "The GPU melted.");
  const errors: unknown[] = [];
  const pruner = createPruner(broker.broker, (error) => errors.push(error), { eventRows: 1 });
  await pruner.prune();
  await pruner.stop();
  expect(errors).toEqual([]);
  proxy.cut();
  proxy.release();
  await watching.printed(
    /You were cut off for so long that the broker has forgotten some of what happened meanwhile/,
  );
  await finish(worker, 2);
  const { out } = await watching.ended;
  expect(told(out)).toEqual([1, 2, 3, 4, 5, 7, 8]);
  expect(out.match(/frame 6 failed on this PC: The GPU melted\./g)).toHaveLength(1);
});
