// A step sees what the steps before it made: the results that count, and nothing while one is on its way.
import { expect, test } from "vitest";
import { submit, untilState } from "../../test/support/builders.ts";
import { untilStored } from "../../test/support/delivery.ts";
import { joinWorker, type FakeWorker, type Held } from "../../test/support/fake-worker.ts";
import { testBroker, type TestBroker } from "../../test/support/start-broker.ts";

const steps = [
  { name: "render", frames: "1-3" },
  { name: "denoise", frames: "1", dependsOn: ["render"] },
  { name: "encode", frames: "1", dependsOn: ["denoise"] },
];
const settings = { home: "pull" as const };

/** Renders one frame with one file of this text. */
async function render(worker: FakeWorker, name: string, text: string): Promise<void> {
  const held = await worker.work();
  const file = worker.stage(held, "f", text, name);
  await worker.succeed(held, { files: [file] });
}
const inputs = (worker: FakeWorker, held: Held, query: Record<string, string | number> = {}) => ({
  params: { lease: held.lease.leaseId },
  headers: { "tally-lease-token": held.lease.token },
  query,
});

async function upTo(broker: TestBroker, worker: FakeWorker): Promise<Held> {
  for (let frame = 1; frame <= 3; frame++)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await render(worker, `/out/${frame}.png`, `frame ${frame}`);
  await untilStored(broker, 1);
  return worker.work();
}

test("results of the step before, page by page; of steps further up too", async () => {
  const broker = await testBroker();
  await submit(broker.api, steps, settings);
  const worker = await joinWorker(broker);
  const held = await upTo(broker, worker);
  const first = await worker.api.ok("listLeaseInputs", inputs(worker, held, { limit: 2 }));
  expect(first.items.map(({ name }) => name)).toEqual(["/out/1.png", "/out/2.png"]);
  const after = first.next ?? "";
  const rest = await worker.api.ok("listLeaseInputs", inputs(worker, held, { limit: 2, after }));
  expect([rest.items.map(({ name, bytes }) => [name, bytes]), rest.next]).toEqual([
    [["/out/3.png", 7]],
    null,
  ]);
  const file = worker.stage(held, "d", "clean", "/out/clean.png");
  await worker.succeed(held, { files: [file] });
  await untilStored(broker, 1);
  const last = await worker.work();
  const { items } = await worker.api.ok("listLeaseInputs", inputs(worker, last));
  expect(items.map(({ name }) => name)).toEqual(["/out/1.png", "/out/2.png", "/out/3.png", "/out/clean.png"]);
  const wrong = { ...inputs(worker, last), headers: { "tally-lease-token": "x".repeat(32) } };
  await worker.api.problem("listLeaseInputs", "lease-lost", wrong);
});

test("a frame that was rendered anew counts once, with its new file", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, steps, settings);
  const worker = await joinWorker(broker);
  const held = await upTo(broker, worker);
  await broker.api.ok("requeueTasks", { params: { job: number }, body: { step: "render", frames: "2" } });
  await worker.report(held, [], { done: true });
  await render(worker, "/out/2.png", "frame 2 again");
  await untilStored(broker, 1);
  const again = await worker.work();
  const { items } = await worker.api.ok("listLeaseInputs", inputs(worker, again));
  expect(items.map(({ name, bytes }) => [name, bytes])).toEqual([
    ["/out/1.png", 7],
    ["/out/3.png", 7],
    ["/out/2.png", 13],
  ]);
});

test("busy while a result is on its way into the store; cleaned when one is gone, with what to do", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, steps, settings);
  const worker = await joinWorker(broker);
  const { wake } = broker.broker;
  const deliveries = wake.deliveries.bind(wake);
  wake.deliveries = () => undefined;
  for (let frame = 1; frame <= 3; frame++)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await render(worker, `/out/${frame}.png`, `frame ${frame}`);
  const held = await worker.work();
  await worker.api.problem("listLeaseInputs", "busy", inputs(worker, held));
  wake.deliveries = deliveries;
  deliveries();
  await untilStored(broker, number);
  const { items } = await worker.api.ok("listLeaseInputs", inputs(worker, held));
  const [first] = items;
  await broker.broker.blobs.delete([first?.sha256 ?? ""]);
  expect(await broker.api.ok("doubtBlob", { params: { sha256: first?.sha256 ?? "" } })).toEqual({
    dropped: true,
  });
  const refused = await worker.api.problem("listLeaseInputs", "cleaned", inputs(worker, held));
  expect(refused.detail).toContain(`tally requeue ${number} --step render`);
});

test("a step that depends on others has a session of its own", async () => {
  const broker = await testBroker();
  await submit(broker.api, [
    { name: "a", frames: "1" },
    { name: "b", frames: "1", dependsOn: ["a"] },
  ]);
  const worker = await joinWorker(broker);
  const first = await worker.work();
  await worker.succeed(first);
  const second = await worker.work();
  expect(second.lease.sessionKey).not.toBe(first.lease.sessionKey);
  await worker.succeed(second);
  await untilState(broker.api, 1, "succeeded");
});
