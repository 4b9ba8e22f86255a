// Time: leases that expire, workers that fall silent, clocks that jump.
import { expect, test } from "vitest";
import { createSweeper } from "../../broker/service/sweep.ts";
import { submit, taskStatesOf, untilState } from "../support/builders.ts";
import { createFakeClock } from "../support/fake-clock.ts";
import { joinWorker, started, succeeded } from "../support/fake-worker.ts";
import { testBroker } from "../support/start-broker.ts";

// Short enough that going past it is no jump of the clock.
const limits = { leaseTermMs: 3000, renewEveryMs: 500, workerSilenceMs: 4000 };

async function setUp() {
  const clock = createFakeClock();
  const broker = await testBroker({ clock, limits });
  return { clock, broker, api: broker.api, sweeper: createSweeper(broker.broker) };
}

test("a worker that is silent for a term loses its frame, and what it says later changes nothing", async () => {
  const { clock, broker, api, sweeper } = await setUp();
  const { number } = await submit(api);
  const [one, two] = [await joinWorker(broker), await joinWorker(broker, { name: "b" })];
  const held = await one.work();
  await one.report(held, [started(0)]);
  clock.advance(2999);
  expect(await sweeper.sweep()).toBe(0);
  clock.advance(1);
  expect(await sweeper.sweep()).toBe(1);
  expect(await taskStatesOf(api, number)).toEqual(["ready", "ready", "ready"]);
  const again = await two.work();
  expect(again.lease.tasks[0]?.ordinal).toBe(0);
  const late = { token: held.lease.token, seq: 2, items: [succeeded(0)], done: true };
  await one.api.problem("reportLease", "lease-lost", { params: { lease: held.lease.leaseId }, body: late });
  await one.api.problem("renewLease", "lease-lost", {
    params: { lease: held.lease.leaseId },
    body: { token: held.lease.token },
  });
  await two.succeed(again);
  const { items } = await api.ok("listAttempts", { params: { job: number }, query: { ordinal: 0 } });
  expect(items.map((attempt) => attempt.state)).toEqual(["succeeded", "expired"]);
  expect(items[1]).toMatchObject({ failureClass: "host" });
  expect(items[1]?.reason).toContain("was not heard of for 3 seconds");
});

test("a renewed lease lives on", async () => {
  const { clock, broker, api, sweeper } = await setUp();
  const { number } = await submit(api, [{ frames: "1" }]);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  for (const _ of Array.from({ length: 20 })) {
    clock.advance(2000);
    // oxlint-disable no-await-in-loop -- time goes by
    await worker.renew(held);
    expect(await sweeper.sweep()).toBe(0);
    // oxlint-enable no-await-in-loop
  }
  await worker.succeed(held);
  await untilState(api, number, "succeeded");
});

test("a frame whose worker never began is given back without a loss", async () => {
  const { clock, broker, api, sweeper } = await setUp();
  await submit(api);
  const worker = await joinWorker(broker);
  await worker.work();
  clock.advance(3000);
  await sweeper.sweep();
  const { items } = await api.ok("listTasks", { params: { job: 1 } });
  expect(items[0]).toMatchObject({ state: "ready", losses: 0, failures: 0 });
});

test.each(["the machine slept", "somebody set the clock"])(
  "%s: every open lease gets one full term",
  async (why) => {
    const { clock, broker, api, sweeper } = await setUp();
    await submit(api);
    const worker = await joinWorker(broker);
    const held = await worker.work();
    await worker.report(held, [started(0)]);
    if (why === "the machine slept") clock.advance(3_600_000);
    else clock.setWall(-3_600_000);
    expect(await sweeper.sweep()).toBe(0);
    clock.advance(2999);
    expect(await sweeper.sweep()).toBe(0);
    expect((await taskStatesOf(api, 1))[0]).toBe("running");
    clock.advance(1);
    expect(await sweeper.sweep()).toBe(1);
    expect((await taskStatesOf(api, 1))[0]).toBe("ready");
  },
);

test("an idle worker that is not heard of is lost, and registers anew", async () => {
  const { clock, broker, api, sweeper } = await setUp();
  const worker = await joinWorker(broker);
  clock.advance(4001);
  await sweeper.sweep();
  const { items } = await api.ok("listWorkers", { query: { all: true } });
  expect(items[0]).toMatchObject({ state: "lost" });
  const refused = await worker.api.problem("leaseTask", "not-found", { params: { worker: worker.id } });
  expect(refused.detail).toContain("Register again");
  await joinWorker(broker, {}, worker.token);
});

test("an expired lease of a canceled job cancels its frames", async () => {
  const { clock, broker, api, sweeper } = await setUp();
  const { number } = await submit(api);
  const worker = await joinWorker(broker);
  await worker.report(await worker.work(), [started(0)]);
  await api.ok("setJobIntent", { params: { job: number }, body: { intent: "cancel" } });
  clock.advance(3000);
  await sweeper.sweep();
  await untilState(api, number, "canceled");
});
