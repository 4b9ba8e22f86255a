// What workers do wrong, or the network between: stale, foreign, replayed and lost words change nothing.
import { expect, test } from "vitest";
import { setJobIntent } from "../../broker/service/set-intent.ts";
import { leaveWorker } from "../../broker/service/register-worker.ts";
import { setWorkerIntent } from "../../broker/service/set-worker-intent.ts";
import { leaseTask } from "../../broker/service/lease-task.ts";
import { submitJob } from "../../broker/service/submit-job.ts";
import { submitSchema } from "../../broker/contract/job.ts";
import { submission, submit, taskStatesOf, untilState } from "../support/builders.ts";
import { failed, joinWorker, ordinalsOf, started, succeeded } from "../support/fake-worker.ts";
import { testBroker } from "../support/start-broker.ts";
import { storedIn } from "../support/unchanged.ts";

test("one worker renders a job, each frame once and in order", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const worker = await joinWorker(broker);
  const seen: number[] = [];
  for (let held = await worker.lease(); held;) {
    seen.push(...ordinalsOf(held));
    // oxlint-disable-next-line no-await-in-loop -- a worker does one thing after another
    const { next } = await worker.succeed(held, { next: true });
    held = next && { lease: next, seq: 0 };
  }
  expect(seen).toEqual([0, 1, 2]);
  const job = await untilState(broker.api, number, "succeeded");
  expect(job.counts).toMatchObject({ succeeded: 3, ready: 0, running: 0 });
});

test("one failure with one worker does not fail the job", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-2" }]);
  const worker = await joinWorker(broker);
  await worker.fail(await worker.work(), "Out of memory.");
  await worker.succeed(await worker.work());
  await worker.succeed(await worker.work());
  await untilState(broker.api, number, "succeeded");
  const { items } = await broker.api.ok("listAttempts", { params: { job: number } });
  expect(items.map((one) => one.state).toSorted()).toEqual(["failed", "succeeded", "succeeded"]);
  expect(items.find((one) => one.state === "failed")?.reason).toBe("Out of memory.");
});

test("a frame that keeps failing fails after its retries, the rest goes on", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-3" }], { maxRetries: 1 });
  const worker = await joinWorker(broker);
  for (let held = await worker.lease(); held; held = await worker.lease())
    await (ordinalsOf(held)[0] === 1 ? worker.fail(held, "Broken mesh.") : worker.succeed(held));
  const job = await untilState(broker.api, number, "failed");
  expect(job.counts).toMatchObject({ succeeded: 2, failed: 1 });
  const detail = await broker.api.ok("getJob", { params: { job: number } });
  expect(detail.failures).toEqual([{ reason: "Broken mesh.", count: 1, step: "render", ordinals: [1] }]);
});

test("failed frames are told by their own reasons, those with the same one together", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-3" }], { maxRetries: 0 });
  const worker = await joinWorker(broker);
  for (const reason of ["Broken mesh.", "Out of memory.", "Broken mesh."])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await worker.fail(await worker.work(), reason);
  const { failures } = await broker.api.ok("getJob", { params: { job: number } });
  expect(failures).toEqual([
    { reason: "Broken mesh.", count: 2, step: "render", ordinals: [0, 2] },
    { reason: "Out of memory.", count: 1, step: "render", ordinals: [1] },
  ]);
});

test("the failure limit stops the job: running frames finish, the rest is canceled", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-50" }], { maxRetries: 0, maxFailedTasks: 2 });
  const [one, two] = [await joinWorker(broker), await joinWorker(broker, { name: "other" })];
  const running = await two.work();
  await one.fail(await one.work());
  await one.fail(await one.work());
  expect(await one.lease()).toBeNull();
  const { orders } = await two.orders();
  expect(orders).toEqual([{ kind: "finish-frame", leaseId: running.lease.leaseId }]);
  await two.succeed(running);
  const job = await untilState(broker.api, number, "failed");
  expect(job.counts).toMatchObject({ succeeded: 1, failed: 2, canceled: 47 });
  expect(job.intentReason).toContain("2 frames failed");
});

test("lost hosts never use up retries", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1" }], { maxRetries: 0 });
  const worker = await joinWorker(broker);
  for (const _ of [1, 2, 3]) await worker.fail(await worker.work(), "The host is gone.", "host");
  await worker.succeed(await worker.work());
  await untilState(broker.api, number, "succeeded");
  const { items } = await broker.api.ok("listTasks", { params: { job: number } });
  expect(items[0]).toMatchObject({ failures: 0, losses: 3, state: "succeeded" });
});

test("the same unstarted lease is answered again, and after it started not any more", async () => {
  const broker = await testBroker();
  await submit(broker.api);
  const worker = await joinWorker(broker);
  const first = await worker.work();
  const again = await worker.work();
  expect(again.lease).toEqual(first.lease);
  await worker.report(first, [started(0)]);
  await worker.api.problem("leaseTask", "conflict", { params: { worker: worker.id } });
});

test("a report that is sent again gets the same answer and changes nothing", async () => {
  const broker = await testBroker();
  await submit(broker.api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const body = {
    token: held.lease.token,
    seq: 1,
    items: [started(0), succeeded(0)],
    done: true,
    next: true,
  };
  const params = { lease: held.lease.leaseId };
  const first = await worker.api.ok("reportLease", { params, body });
  const before = storedIn(broker);
  const second = await worker.api.ok("reportLease", { params, body });
  expect(second).toEqual(first);
  expect(second.next?.tasks[0]?.ordinal).toBe(1);
  expect(storedIn(broker)).toEqual(before);
});

test("a report out of order is refused with the number that is missing; a late duplicate changes nothing", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const params = { lease: held.lease.leaseId };
  const { token } = held.lease;
  const gap = await worker.api.problem("reportLease", "sequence-gap", {
    params,
    body: { token, seq: 2, items: [succeeded(0)] },
  });
  expect(gap.expected).toBe(1);
  await worker.api.ok("reportLease", { params, body: { token, seq: 1, items: [started(0)] } });
  await worker.api.ok("reportLease", { params, body: { token, seq: 2, items: [succeeded(0)] } });
  await worker.api.ok("reportLease", { params, body: { token, seq: 1, items: [failed(0)] } });
  expect((await taskStatesOf(broker.api, number))[0]).toBe("succeeded");
});

test("two verdicts on one frame: the first counts, in one report and in two", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  await worker.report(held, [succeeded(0), failed(0), succeeded(0)]);
  await worker.report(held, [failed(0)], { done: true });
  const job = await broker.api.ok("getJob", { params: { job: number } });
  expect(job.counts).toMatchObject({ succeeded: 1, ready: 2, failed: 0 });
});

test("a stale token, a foreign token and somebody else's lease change nothing", async () => {
  const broker = await testBroker();
  await submit(broker.api);
  const [one, two] = [await joinWorker(broker), await joinWorker(broker, { name: "two" })];
  const held = await one.work();
  const params = { lease: held.lease.leaseId };
  const item = { seq: 1, items: [succeeded(0)] };
  const before = storedIn(broker);
  const good = { ...item, token: held.lease.token };
  await one.api.problem("reportLease", "lease-lost", { params, body: { ...item, token: "x".repeat(32) } });
  await one.api.problem("reportLease", "lease-lost", { params: { lease: "lea_99" }, body: good });
  await two.api.problem("reportLease", "lease-lost", { params, body: good });
  await two.api.problem("renewLease", "lease-lost", { params, body: { token: held.lease.token } });
  const log = { params, query: { offset: 0 }, bytes: "text" };
  await two.api.problem("appendLog", "lease-lost", {
    ...log,
    headers: { "tally-lease-token": held.lease.token },
  });
  await one.api.problem("appendLog", "lease-lost", { ...log, headers: { "tally-lease-token": "x" } });
  expect(storedIn(broker)).toEqual(before);
});

test("frames that are not of the lease are not touched by its reports", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  await worker.report(held, [succeeded(2), failed(1), succeeded(99)]);
  expect(await taskStatesOf(broker.api, number)).toEqual(["running", "ready", "ready"]);
});

test("what a worker holds goes back when it leaves", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  await worker.report(held, [started(0)]);
  await worker.leave();
  expect(await taskStatesOf(broker.api, number)).toEqual(["ready", "ready", "ready"]);
  await worker.api.problem("reportLease", "lease-lost", {
    params: { lease: held.lease.leaseId },
    body: { token: held.lease.token, seq: 2, items: [succeeded(0)] },
  });
  const { items } = await broker.api.ok("listTasks", { params: { job: number } });
  expect(items[0]).toMatchObject({ failures: 0, losses: 0, state: "ready" });
});

test("a client that goes away blocks nobody", async () => {
  const broker = await testBroker();
  const worker = await joinWorker(broker);
  const gone = new AbortController();
  const { cursor } = await broker.api.ok("listEvents");
  const { version } = await worker.orders();
  const waiting = Array.from({ length: 50 }, () => [
    broker.api.raw("listEvents", { query: { after: cursor, waitSeconds: 25 }, signal: gone.signal }),
    worker.api.raw("getOrders", {
      params: { worker: worker.id },
      query: { after: version },
      signal: gone.signal,
    }),
  ]).flat();
  gone.abort();
  const ends = await Promise.allSettled(waiting);
  expect(ends.every((end) => end.status === "rejected")).toBe(true);
  const { number } = await submit(broker.api, [{ frames: "1" }]);
  await worker.succeed(await worker.work());
  await untilState(broker.api, number, "succeeded");
});

test("a log is appended where it ends, and nowhere else", async () => {
  const broker = await testBroker();
  await submit(broker.api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const ask = (offset: number, bytes: string) => ({
    params: { lease: held.lease.leaseId },
    query: { offset },
    headers: { "tally-lease-token": held.lease.token },
    bytes,
  });
  expect((await worker.api.problem("appendLog", "wrong-offset", ask(5, "x"))).offset).toBe(0);
  expect(await worker.api.ok("appendLog", ask(0, "hello "))).toEqual({ bytes: 6 });
  expect((await worker.api.problem("appendLog", "wrong-offset", ask(0, "hello "))).offset).toBe(6);
  expect((await worker.api.problem("appendLog", "wrong-offset", ask(7, "x"))).offset).toBe(6);
  expect(await worker.api.ok("appendLog", ask(6, "world"))).toEqual({ bytes: 11 });
  await worker.api.problem("appendLog", "too-large", ask(11, "x".repeat(5 * 1024 * 1024)));
  await worker.report(held, [{ type: "started", ordinal: 0, logOffset: 0 }]);
  await worker.report(held, [{ type: "succeeded", ordinal: 0, logOffset: 11, seconds: 1 }], { done: true });
  const { items } = await broker.api.ok("listAttempts", { params: { job: 1 } });
  const params = { attempt: items[0]?.id ?? "" };
  expect((await broker.api.raw("readLog", { params })).text).toBe("hello world");
  expect((await broker.api.raw("readLog", { params, query: { from: 6, limit: 3 } })).text).toBe("wor");
  await worker.api.problem("appendLog", "lease-lost", ask(11, "late"));
});

test("a cancel and a lease at the same moment: nobody renders a canceled job", async () => {
  const { broker, api, ...rest } = await testBroker();
  const { number } = await submit(api);
  const worker = await joinWorker({ broker, api, ...rest });
  const memory = broker.workers.get(1);
  if (!memory) throw new Error("the worker is not there");
  // One group of writes: the lease is asked for before the cancel is committed.
  const [, lease] = await Promise.all([setJobIntent(broker, number, "cancel"), leaseTask(broker, memory)]);
  expect(lease).toBeNull();
  await untilState(api, number, "canceled");
  expect(await worker.lease()).toBeNull();
});

test("a worker that leaves at the same moment is given nothing, and is not there to drain", async () => {
  const { broker, api, ...rest } = await testBroker();
  await submit(api);
  await joinWorker({ broker, api, ...rest });
  const memory = broker.workers.get(1);
  if (!memory) throw new Error("the worker is not there");
  const [, lease, drained] = await Promise.allSettled([
    leaveWorker(broker, memory),
    leaseTask(broker, memory),
    setWorkerIntent(broker, memory.id, "drain"),
  ]);
  expect(lease).toEqual({ status: "fulfilled", value: null });
  expect(drained).toMatchObject({ status: "rejected", reason: { code: "not-found" } });
  expect(await taskStatesOf(api, 1)).toEqual(["ready", "ready", "ready"]);
});

test("two submits of the same files in one group of writes: one is taken", async () => {
  const { broker, api } = await testBroker();
  await api.ok("listTokens");
  const body = submitSchema.parse(submission([{}], { outputPattern: "/show/####.png" }));
  const who = { tokenId: 1, name: "somebody" };
  const results = await Promise.allSettled(
    ["key-00001", "key-00002"].map((key) => submitJob(broker, who, key, body)),
  );
  expect(results.map((one) => one.status).toSorted()).toEqual(["fulfilled", "rejected"]);
  const refused = results.find((one) => one.status === "rejected");
  expect(refused?.reason).toMatchObject({ code: "conflict" });
});

test("the token of an agent whose process ended is good for nothing", async () => {
  const ended = Promise.withResolvers<string>();
  let token = "";
  const broker = await testBroker({
    launcher: {
      start(launch) {
        token ||= launch.token;
        return {
          launchId: launch.launchId,
          pid: null,
          ended: ended.promise,
          stop: () => Promise.resolve(ended.resolve("asked to")),
        };
      },
      adopt: () => null,
    },
  });
  const { cursor } = await broker.api.ok("listEvents");
  await submit(broker.api);
  await broker.api.ok("listEvents", { query: { after: cursor + 1, waitSeconds: 1 } });
  const worker = await joinWorker(broker, { launchId: "lau_1" }, token);
  const held = await worker.work();
  await worker.report(held, [started(0)]);
  ended.resolve("killed by SIGKILL");
  await broker.api.ok("listEvents", {
    query: { after: (await broker.api.ok("listEvents")).cursor, waitSeconds: 1 },
  });
  expect((await worker.api.raw("leaseTask", { params: { worker: worker.id } })).status).toBe(401);
  const { items } = await broker.api.ok("listTasks", { params: { job: 1 } });
  expect(items[0]).toMatchObject({ state: "ready", losses: 1, failures: 0 });
  expect(items[0]?.reason).toContain("killed by SIGKILL");
});

test("the tries of a job are listed newest first, page by page, whichever of its steps they are of", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [
    { name: "left", frames: "1-4" },
    { name: "right", frames: "1-6", chunk: 2 },
  ]);
  await submit(broker.api, [{ frames: "1-2" }], { priority: 60 });
  const [one, two] = [await joinWorker(broker, { name: "one" }), await joinWorker(broker, { name: "two" })];
  for (const worker of [one, two, one, two, one, two, one, two, one])
    // oxlint-disable-next-line no-await-in-loop -- in turn, so that they interleave
    await worker.succeed(await worker.work());
  const listed = async (query: { limit: number; after?: string; step?: string }) =>
    broker.api.ok("listAttempts", { params: { job: number }, query });
  const { items: all } = await listed({ limit: 1000 });
  const numbers = all.map(({ id }) => Number(id.slice("att_".length)));
  expect(numbers).toEqual(numbers.toSorted((a, b) => b - a));
  expect(all).toHaveLength(10);
  expect(new Set(all.map(({ step }) => step))).toEqual(new Set(["left", "right"]));
  const paged: typeof all = [];
  for (let after: string | undefined | null; after !== null;) {
    // oxlint-disable-next-line no-await-in-loop -- page after page
    const page = await listed({ limit: 3, ...(after !== undefined && { after }) });
    paged.push(...page.items);
    after = page.next;
  }
  expect(paged).toEqual(all);
  const { items: right } = await listed({ limit: 1000, step: "right" });
  expect(right).toEqual(all.filter(({ step }) => step === "right"));
});

test("what a worker gave back before it began is no try, and has no text of other frames", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-3", chunk: 3 }]);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const { leaseId, token } = held.lease;
  const listed = async (query: { ordinal?: number; begun?: boolean } = {}) => {
    const { items } = await broker.api.ok("listAttempts", { params: { job: number }, query });
    return items.map(({ ordinal, state }) => `${ordinal} ${state}`);
  };
  await worker.report(held, [started(0)]);
  expect(await listed()).toEqual(["2 leased", "1 leased", "0 started"]);
  expect(await listed({ begun: true })).toEqual(["0 started"]);
  const text = "frame 1 is rendered\n";
  await worker.api.ok("appendLog", {
    params: { lease: leaseId },
    query: { offset: 0 },
    headers: { "tally-lease-token": token },
    bytes: Buffer.from(text),
  });
  const given = { type: "released", ordinal: 2, logOffset: text.length } as const;
  await worker.report(held, [succeeded(0), given, { ...given, ordinal: 1 }], { done: true });
  expect(await listed()).toEqual(["0 succeeded"]);
  expect(await listed({ ordinal: 2 })).toEqual([]);
  const [attempt] = held.lease.tasks.slice(-1);
  const params = { attempt: attempt?.attemptId ?? "" };
  expect((await broker.api.raw("readLog", { params })).text).toBe("");
});
