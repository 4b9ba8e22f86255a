// The feed on good days: who may read, what is said first, what follows, and how it goes on after a pause.
import { request } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { unpackStates } from "../../broker/contract/feed-words.ts";
import { taskStates } from "../../broker/contract/states.ts";
import { submit, untilState } from "../support/builders.ts";
import { failed, joinWorker, started, succeeded } from "../support/fake-worker.ts";
import { follow, openReader, pictureOf } from "../support/feed-reader.ts";
import { testBroker } from "../support/start-broker.ts";

test("a reader hears hello, snapshots at one cursor, and then every event of its topics with the job as it is", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [
    { frames: "1-3" },
    { name: "film", frames: "1", dependsOn: ["render"] },
  ]);
  const worker = await joinWorker(broker);
  const reader = openReader(broker, `job:job_${number},jobs,workers`);
  const hello = await reader.next("hello");
  expect(hello).toMatchObject({ v: 1, resumed: false, tickSeconds: 15 });
  expect(hello.cursor).toMatch(new RegExp(`^${hello.epoch}\\.\\d+$`));
  const snapshot = await reader.next("snapshot", (one) => one.topic === `job:${number}`);
  const detail = await broker.api.ok("getJob", { params: { job: number } });
  const { settings: _, pausedPools: __, pausedWorkers: ___, ...shown } = detail;
  expect(snapshot.job).toEqual({ ...shown, framesPerSecond: null });
  expect(snapshot.states).toEqual([
    { step: "render", encoding: "runs", text: "3q", frames: "1-3" },
    { step: "film", encoding: "chars", text: "b", frames: "1" },
  ]);
  const jobs = await reader.next("snapshot", (one) => one.topic === "jobs");
  expect(jobs).toMatchObject({ part: 0, last: true, cursor: snapshot.cursor });
  expect(jobs.jobs).toEqual((await broker.api.ok("listJobs")).items);
  const workers = await reader.next("snapshot", (one) => one.topic === "workers");
  expect(workers.workers).toEqual((await broker.api.ok("listWorkers")).items);

  await worker.succeed(await worker.work());
  const done = await reader.next("events", ({ events }) => events.some((one) => one.state === "succeeded"));
  const event = done.events.findLast((one) => one.kind === "task.changed");
  expect(event).toMatchObject({ kind: "task.changed", jobNumber: number, step: "render", first: 0, last: 0 });
  expect(event?.data).toMatchObject({ worker: "this PC", seconds: 1 });
  expect(done.events.at(-1)?.job).toMatchObject({
    state: "queued",
    counts: { succeeded: 1, ready: 2, blocked: 1 },
    steps: [{ name: "render", counts: { succeeded: 1 }, meanSeconds: 1 }, { dependsOn: ["render"] }],
    failures: [],
  });
  await worker.leave();
  const left = await reader.next("events", ({ events }) => events.some((one) => one.state === "stopped"));
  expect(left.events.at(-1)?.worker).toMatchObject({ id: worker.id, state: "stopped" });
});

test("exact resume: whoever comes back with a cursor hears just the events behind it, and no snapshot", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-30" }]);
  const worker = await joinWorker(broker);
  const whole = openReader(broker, `job:${number}`);
  await whole.next("tick");
  let held = await worker.work();
  const pieces = [];
  for (let piece = 0, after: string | undefined; piece < 6; piece++) {
    // oxlint-disable no-await-in-loop -- one pause after the other
    const reader = openReader(broker, `job:${number}`, after === undefined ? {} : { after });
    const hello = await reader.next("hello");
    expect(hello.resumed).toBe(after !== undefined);
    for (let frame = 0; frame < 4; frame++) {
      const answer = await worker.succeed(held, { next: true });
      if (answer.next) held = { lease: answer.next, seq: 0 };
      // Some frames end while nobody listens.
      if (frame === 1) {
        await reader.next("tick");
        reader.socket.close();
        await reader.closed;
        after = reader.cursor();
      }
    }
    if (piece > 0) expect(reader.messages.some((one) => one.type === "snapshot")).toBe(false);
    pieces.push(reader);
    // oxlint-enable no-await-in-loop
  }
  const last = openReader(broker, `job:${number}`, { after: pieces.at(-1)?.cursor() ?? "" });
  await last.next("tick");
  await broker.api.ok("setJobIntent", { params: { job: number }, body: { intent: "cancel" } });
  await untilState(broker.api, number, "canceling");
  const isCanceled = ({ cursor }: { cursor: string }) => cursor === last.cursor();
  await last.next("events", ({ events }) => events.some((one) => one.state === "canceling"));
  await whole.next("events", isCanceled);
  const first = pieces[0]?.events()[0]?.cursor ?? 0;
  const heard = [...pieces, last].flatMap((reader) => reader.events().map((event) => event.cursor));
  expect(heard).toEqual(
    whole
      .events()
      .map((event) => event.cursor)
      .filter((cursor) => cursor >= first),
  );
  expect(new Set(heard).size).toBe(heard.length);
});

test("a cursor from another database: reset, then a snapshot", async () => {
  const [broker, other] = [await testBroker(), await testBroker()];
  for (const one of [broker, other, other]) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await submit(one.api);
  }
  const { cursor } = await openReader(other, "jobs").next("tick");
  const reader = openReader(broker, "jobs", { after: cursor });
  expect(await reader.next("reset")).toMatchObject({ reason: "epoch" });
  const snapshot = await reader.next("snapshot");
  expect(snapshot.jobs?.map((job) => job.number)).toEqual([1]);
  expect(reader.messages.slice(0, 3).map((one) => one.type)).toEqual(["hello", "reset", "snapshot"]);
  const ahead = openReader(broker, "jobs", { after: snapshot.cursor.replace(/\d+$/, "99999") });
  expect(await ahead.next("reset")).toMatchObject({ reason: "ahead" });
  expect((await ahead.next("snapshot")).jobs).toHaveLength(1);
});

test("who may read: bearer and cookie, viewers too; no worker, no stranger, no foreign Origin or Host", async () => {
  const broker = await testBroker();
  const worker = await broker.tokenFor("worker");
  const viewer = await broker.tokenFor("viewer");
  const codeOf = async (reader: ReturnType<typeof openReader>) => (await reader.closed).code;
  await openReader(broker, "jobs", { token: viewer }).next("tick");
  await openReader(broker, "jobs", { token: null, headers: { cookie: `tally=${viewer}` } }).next("tick");
  await openReader(broker, "jobs", { headers: { origin: broker.url } }).next("tick");
  expect(await codeOf(openReader(broker, "jobs", { token: worker }))).toBe(4403);
  expect(await codeOf(openReader(broker, "jobs", { token: null }))).toBe(4401);
  expect(await codeOf(openReader(broker, "jobs", { token: "x".repeat(40) }))).toBe(4401);
  await expect(
    openReader(broker, "jobs", { headers: { origin: "http://evil.example" } }).closed,
  ).rejects.toThrow("403");
  await expect(openReader(broker, "jobs", { headers: { host: "evil.example" } }).closed).rejects.toThrow(
    "403",
  );
});

test("what cannot be asked for is refused with its own close code", async () => {
  const broker = await testBroker({ feed: { maxReaders: 3 } });
  await submit(broker.api);
  const codeOf = async (topics: string, options = {}) =>
    (await openReader(broker, topics, options).closed).code;
  for (const topics of [
    "",
    "job",
    "jobs,",
    "job:0",
    "job:x",
    "log:7",
    "frames",
    Array(101).fill("jobs").join(","),
  ])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await codeOf(topics), topics).toBe(4400);
  expect(await codeOf("jobs", { after: "7" })).toBe(4400);
  expect(await codeOf("jobs", { after: "x.-7" })).toBe(4400);
  expect(await codeOf("job:2")).toBe(4404);
  expect(await codeOf("log:att_1")).toBe(4404);
  expect(await codeOf("jobs", { v: "2" })).toBe(4409);
  const talker = openReader(broker, "jobs", { v: "1" });
  await talker.next("tick");
  talker.socket.send("hello");
  expect(await talker.closed).toMatchObject({ code: 4400, reason: "The feed takes no messages." });
  const shouter = openReader(broker, "jobs");
  await shouter.next("tick");
  shouter.socket.send("x".repeat(5000));
  expect((await shouter.closed).code).toBe(1009);
  for (let one = 0; one < 3; one++)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await openReader(broker, "jobs").next("tick");
  expect(await codeOf("jobs")).toBe(4429);
});

test("a request that is no WebSocket is told so, and an upgrade to something else is answered as if it was not asked for", async () => {
  const broker = await testBroker();
  const bearer = { authorization: `Bearer ${broker.adminToken}` };
  const answer = await fetch(`${broker.url}/v1/feed?topics=jobs`, { headers: bearer });
  expect(answer.status).toBe(400);
  expect(await answer.json()).toMatchObject({ code: "malformed" });
  const status = await new Promise((resolve, reject) => {
    const headers = { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABk" };
    request(`${broker.url}/health`, { headers }, (got) => resolve(got.statusCode))
      .on("error", reject)
      .end();
  });
  expect(status).toBe(200);
});

test("a token that is revoked loses its readers", async () => {
  const broker = await testBroker({ feed: { tickMs: 50 } });
  const made = await broker.api.ok("createToken", { body: { role: "viewer", name: "guest" } });
  const reader = openReader(broker, "jobs", { token: made.token });
  await reader.next("tick");
  await broker.api.ok("revokeToken", { params: { token: made.id } });
  expect(await reader.closed).toMatchObject({ code: 4401 });
});

test("frames that fail, are tried again and asked for anew: states, counts and reasons follow", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-4" }], { maxRetries: 0 });
  const client = follow(broker, ["jobs", `job:${number}`, "workers"]);
  await client.until(({ state }) => state === "live");
  const worker = await joinWorker(broker);
  await worker.fail(await worker.work(), "The GPU melted.");
  await worker.succeed(await worker.work());
  await client.until(({ store }) => store.jobs.get(number)?.counts.succeeded === 1);
  expect(client.store.details.get(number)?.failures).toEqual([
    { reason: "The GPU melted.", count: 1, step: "render", ordinals: [0] },
  ]);
  const words = () =>
    [...(client.store.steps.get(number)?.get("render")?.states ?? [])].map((state) => taskStates[state]);
  expect(words()).toEqual(["failed", "succeeded", "ready", "ready"]);
  await broker.api.ok("requeueTasks", { params: { job: number }, body: {} });
  await client.until(({ store }) => store.jobs.get(number)?.counts.ready === 4);
  expect(words()).toEqual(["ready", "ready", "ready", "ready"]);
  expect(client.store.details.get(number)?.failures).toEqual([]);
  // What workers do is never stored, and told a moment later.
  await client.until(({ store }) => store.workers.get(worker.id)?.state === "idle");
  const fresh = follow(broker, ["jobs", `job:${number}`, "workers"]);
  await fresh.until(({ state }) => state === "live");
  expect(pictureOf(client.store)).toEqual(pictureOf(fresh.store));
});

test("a frame that failed while nobody looked is told of with the next change, too", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-4" }], { maxRetries: 0 });
  const worker = await joinWorker(broker);
  const before = follow(broker, [`job:${number}`]);
  await before.until(({ state }) => state === "live");
  await worker.succeed(await worker.work());
  await before.until(({ store }) => store.details.get(number)?.counts.succeeded === 1);
  before.close();
  // oxlint-disable-next-line no-await-in-loop -- this is what waiting is
  while (broker.feed.count() > 0) await nextTurn();
  await worker.fail(await worker.work(), "The GPU melted.");
  // Other topics than before: what is kept of those is of no use.
  const after = follow(broker, ["jobs", `job:${number}`]);
  await after.until(({ state }) => state === "live");
  const failures = [{ reason: "The GPU melted.", count: 1, step: "render", ordinals: [1] }];
  expect(after.store.details.get(number)?.failures).toEqual(failures);
  await worker.succeed(await worker.work());
  await after.until(({ store }) => store.details.get(number)?.counts.succeeded === 2);
  expect(after.store.details.get(number)?.failures).toEqual(failures);
});

test("a worker is shown busy and idle though no event says so, also one that gives its lease back", async () => {
  const broker = await testBroker();
  await submit(broker.api, [{ frames: "1-4", chunk: 2 }]);
  const client = follow(broker, ["workers"]);
  await client.until(({ state }) => state === "live");
  const worker = await joinWorker(broker);
  const shown = () => client.store.workers.get(worker.id);
  await client.until(() => shown()?.state === "idle");
  const held = await worker.work();
  await client.until(() => shown()?.state === "busy");
  expect(shown()).toMatchObject({ jobNumber: 1, step: "render", ordinals: [0, 1] });
  await worker.report(held, [started(0), succeeded(0)]);
  await client.until(() => shown()?.ordinals.length === 1);
  await worker.report(held, [started(1), failed(1)]);
  await worker.report(held, [], { done: true });
  await client.until(() => shown()?.state === "idle");
  await broker.api.ok("setWorkerIntent", { params: { worker: worker.id }, body: { intent: "drain" } });
  await client.until(() => shown()?.state === "draining");
  await worker.leave();
  await client.until(() => shown() === undefined);
});

test("progress is coalesced: at most ten a second and task, the newest last, and told anew to who comes later", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const reader = openReader(broker, `job:${number}`);
  const stranger = openReader(broker, "jobs");
  await Promise.all([reader.next("tick"), stranger.next("tick")]);
  const begun = performance.now();
  const say = (percent: number) =>
    worker.api.ok("renewLease", {
      params: { lease: held.lease.leaseId },
      body: { token: held.lease.token, progress: [{ ordinal: 0, percent, status: `sample ${percent}` }] },
    });
  for (let percent = 1; percent <= 100; percent++)
    // oxlint-disable-next-line no-await-in-loop -- as a renderer does
    await say(percent);
  await reader.next("progress", ({ tasks }) => tasks[0]?.percent === 100);
  const told = reader.messages.filter((one) => one.type === "progress");
  expect(told.length).toBeLessThanOrEqual(2 + (performance.now() - begun) / 100);
  expect(told.length).toBeLessThan(60);
  expect(told.at(-1)).toMatchObject({
    tasks: [{ jobNumber: number, step: "render", ordinal: 0, percent: 100, status: "sample 100" }],
    workers: [],
  });
  const later = openReader(broker, `job:${number},workers`);
  expect(await later.next("progress")).toMatchObject({
    tasks: [{ percent: 100 }],
    workers: [{ id: worker.id, state: "busy", progress: 100 }],
  });
  await worker.report(held, [started(0), succeeded(0)], { done: true });
  await reader.next("events", ({ events }) => events.some((one) => one.state === "succeeded"));
  expect(stranger.messages.some((one) => one.type === "progress")).toBe(false);
});

test("a frame is told of when it is begun, to who comes later too; those that wait on the same worker are not", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api, [{ frames: "1-4", chunk: 4 }]);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const reader = openReader(broker, `job:${number}`);
  await reader.next("tick");
  await worker.report(held, [started(0)]);
  await reader.next("progress", ({ tasks }) => tasks.length === 1 && tasks[0]?.ordinal === 0);
  await worker.report(held, [succeeded(0), started(1)]);
  await reader.next("progress", ({ tasks }) => tasks.length === 1 && tasks[0]?.ordinal === 1);
  const later = openReader(broker, `job:${number}`);
  const one = { jobNumber: number, step: "render", ordinal: 1, percent: 0, status: null };
  expect((await later.next("progress")).tasks).toEqual([{ jobId: expect.any(String), ...one }]);
  await worker.report(held, [succeeded(1), started(2), started(3)]);
  await reader.next("progress", ({ tasks }) => tasks.map(({ ordinal }) => ordinal).join() === "2,3");
});

test("a log that is followed announces its length, and that nothing more will come", async () => {
  const broker = await testBroker();
  await submit(broker.api);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const attemptId = held.lease.tasks[0]?.attemptId ?? "";
  await worker.report(held, [started(0)]);
  const append = (offset: number, bytes: string) =>
    worker.api.ok("appendLog", {
      params: { lease: held.lease.leaseId },
      query: { offset },
      headers: { "tally-lease-token": held.lease.token },
      bytes,
    });
  await append(0, "one\n");
  const reader = openReader(broker, `log:${attemptId}`);
  expect((await reader.next("snapshot")).log).toEqual({ attemptId, bytes: 4, complete: false });
  await reader.next("tick");
  await append(4, "two\n");
  await reader.next("log", ({ bytes }) => bytes === 8);
  await worker.report(held, [{ type: "succeeded", ordinal: 0, logOffset: 8, seconds: 1, files: [] }], {
    done: true,
  });
  await reader.next("log", ({ bytes, complete }) => bytes === 8 && complete);
});

test("100,000 frames: the snapshot is under 150 KB on the wire, whatever their states, and opening it makes no other reader wait", async () => {
  const broker = await testBroker();
  const big = await submit(broker.api, [{ frames: "1-100000" }]);
  const { number } = await submit(broker.api, [{ frames: "1-2000" }]);
  // The worst there is for runs: no two neighbours alike.
  const mixed = await broker.broker.writer.write(
    (tx) =>
      tx.run(
        "UPDATE tasks SET state = CASE (ordinal * 7919) % 3 WHEN 0 THEN 'succeeded' WHEN 1 THEN 'failed' ELSE 'ready' END WHERE step_id = ?",
        big.number,
      ).changes,
  );
  expect(mixed).toBe(100_000);
  const other = openReader(broker, `job:${number}`);
  await other.next("tick");
  const { shapes } = await new Promise<{ shapes: number[] }>((resolve) => {
    const reader = openReader(broker, `job:${big.number}`);
    const lengths: number[] = [];
    reader.socket.on("message", (data: Buffer) => lengths.push(data.length));
    void reader.next("tick").then(() => resolve({ shapes: lengths }));
  });
  expect(shapes.reduce((sum, one) => sum + one, 0)).toBeLessThan(150_000);
  // Opened by several who share no snapshot, while somebody else's frames end one after the other.
  await broker.api.ok("setJobPriority", { params: { job: number }, body: { priority: 100 } });
  const worker = await joinWorker(broker);
  let held = await worker.work();
  const openers = ["", ",jobs", ",workers", ",jobs,workers"].map((more) =>
    openReader(broker, `job:${big.number}${more}`),
  );
  let done = 0;
  let longest = 0;
  let open = true;
  const opened = Promise.all(openers.map((one) => one.next("tick"))).finally(() => (open = false));
  while (open) {
    const ordinal = held.lease.tasks[0]?.ordinal;
    const at = performance.now();
    // oxlint-disable no-await-in-loop -- frame after frame
    const answer = await worker.succeed(held, { next: true });
    await other.next("events", ({ events }) =>
      events.some((one) => one.first === ordinal && one.state === "succeeded"),
    );
    // oxlint-enable no-await-in-loop
    longest = Math.max(longest, performance.now() - at);
    held = { lease: answer.next as NonNullable<typeof answer.next>, seq: 0 };
    if (open) done++;
  }
  await opened;
  // Four snapshots in one go each would let hardly a frame through.
  expect(done).toBeGreaterThanOrEqual(5);
  const shown = (await openers[0]?.next("snapshot"))?.states?.[0];
  expect(shown?.encoding).toBe("chars");
  expect(unpackStates(shown as NonNullable<typeof shown>)).toHaveLength(100_000);
  console.log(
    `100,000 frames: ${shapes.join(" + ")} bytes; ${done} frames of another job were heard of meanwhile, the longest took ${longest.toFixed(1)} ms`,
  );
});
