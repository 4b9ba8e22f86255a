// The feed on bad days: a broker that stops, comes back or is an older one, readers that are slow or asleep, history that is gone.
import { cpSync } from "node:fs";
import { basename, join } from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { createProgress } from "../../broker/feed/progress.ts";
import { createPruner } from "../../broker/feed/prune.ts";
import { addEvent } from "../../broker/store/events.ts";
import type { FeedReader } from "../../broker/feed/reader.ts";
import { renewEpoch } from "../../broker/store/feed.ts";
import { rowsOf } from "../../broker/store/tx.ts";
import { submit } from "../support/builders.ts";
import { joinWorker } from "../support/fake-worker.ts";
import { follow, openReader, pictureOf, type Address } from "../support/feed-reader.ts";
import { openBroker, testBroker, testFolder, type TestBroker } from "../support/start-broker.ts";
import { startProxy } from "../support/tcp-proxy.ts";

async function freshPicture(broker: Address, topics: string[]) {
  const fresh = follow(broker, topics);
  await fresh.until(({ state }) => state === "live");
  const picture = pictureOf(fresh.store);
  fresh.close();
  return picture;
}

/** A job whose every event weighs 200 KB: labels travel with it. */
function heavyJob(broker: TestBroker) {
  const labels = Object.fromEntries(Array.from({ length: 800 }, (_, n) => [`label ${n}`, "x".repeat(240)]));
  return submit(broker.api, [{ frames: "1" }], { labels });
}

async function changePriority(broker: TestBroker, job: number, priority: number): Promise<void> {
  await broker.api.ok("setJobPriority", { params: { job }, body: { priority } });
}

test("a stopping broker closes its readers with 1001, the last news told, and stops at once", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const reader = openReader(broker, "jobs");
  await reader.next("tick");
  await changePriority(broker, number, 77);
  const begun = performance.now();
  await broker.stop();
  expect(performance.now() - begun).toBeLessThan(900);
  expect(await reader.closed).toMatchObject({ code: 1001, reason: "The broker stops." });
  expect(reader.events().at(-1)?.job?.priority).toBe(77);
});

test("a reader that does not hang up cannot hold up a broker that stops", async () => {
  const broker = await testBroker();
  const reader = openReader(broker, "jobs");
  await reader.next("tick");
  reader.socket.pause();
  await broker.stop();
  reader.socket.resume();
  expect([1001, 1006]).toContain((await reader.closed).code);
});

test("the broker restarts while somebody follows: it is said, they come back, and see the truth without asking anew", async () => {
  const dataFolder = testFolder();
  const topics = ["jobs", "job:1", "workers"];
  const first = await openBroker({ dataFolder });
  const { number } = await submit(first.api, [{ frames: "1-20" }]);
  const proxy = await startProxy(first.url);
  const client = follow({ ...first, url: proxy.url }, topics);
  await client.until(({ state }) => state === "live");
  const worker = await joinWorker(first);
  await worker.succeed(await worker.work());
  await first.stop();
  await client.until(({ state }) => state === "away");
  // Meanwhile, with nobody listening.
  const second = await testBroker({ dataFolder });
  await changePriority(second, number, 99);
  const again = await joinWorker(second, { name: "that PC" });
  await again.succeed(await again.work());
  proxy.lead(second.url);
  await client.until(({ state, store }) => state === "live" && store.jobs.get(number)?.priority === 99);
  // What workers do is never stored, and told a moment later.
  await client.until(({ store }) => store.workers.get(again.id)?.state === "idle");
  expect(client.heard["snapshot"], "no snapshot was needed").toBe(topics.length);
  expect(pictureOf(client.store)).toEqual(await freshPicture(second, topics));
});

test("a laptop sleeps an hour: a connection over which nothing comes is noticed by its missing ticks and made anew", async () => {
  const broker = await testBroker({ feed: { tickMs: 60 } });
  const { number } = await submit(broker.api);
  const proxy = await startProxy(broker.url);
  const client = follow({ ...broker, url: proxy.url }, ["jobs"]);
  await client.until(({ state }) => state === "live");
  proxy.hold();
  await changePriority(broker, number, 12);
  await client.until(({ state }) => state === "away");
  expect(client.store.jobs.get(number)?.priority).toBe(50);
  proxy.release();
  await client.until(({ state, store }) => state === "live" && store.jobs.get(number)?.priority === 12);
  expect(client.heard["reset"]).toBeUndefined();
});

test("200 readers and one that never reads: the others notice nothing", async () => {
  const broker = await testBroker();
  const heavy = await heavyJob(broker);
  const { number } = await submit(broker.api, [{ frames: "1-5000" }], { priority: 90 });
  const silent = openReader(broker, `jobs,job:${heavy.number}`);
  await silent.next("tick");
  silent.socket.pause();
  const others = Array.from({ length: 200 }, () => openReader(broker, `job:${number}`));
  await Promise.all(others.map((one) => one.next("tick")));
  expect(broker.feed.count()).toBe(201);
  const worker = await joinWorker(broker);
  let held = await worker.work();
  let frames = 0;
  let longest = 0;
  for (let priority = 0; broker.feed.count() > 200; priority = (priority + 1) % 80) {
    const ordinal = held.lease.tasks[0]?.ordinal;
    // oxlint-disable no-await-in-loop -- frame after frame
    await changePriority(broker, heavy.number, priority);
    const at = performance.now();
    const answer = await worker.succeed(held, { next: true });
    await Promise.all(
      others.map((one) =>
        one.next("events", ({ events }) =>
          events.some((event) => event.first === ordinal && event.state === "succeeded"),
        ),
      ),
    );
    // oxlint-enable no-await-in-loop
    longest = Math.max(longest, performance.now() - at);
    frames++;
    held = { lease: answer.next as NonNullable<typeof answer.next>, seq: 0 };
  }
  const cursors = others.map((one) =>
    one
      .events()
      .map((event) => event.cursor)
      .join(),
  );
  expect(new Set(cursors).size).toBe(1);
  expect(others.every((one) => one.socket.readyState === one.socket.OPEN)).toBe(true);
  console.log(
    `${frames} frames to 200 readers beside one that never reads; the longest took ${longest.toFixed(0)} ms to all`,
  );
});

test("a slow reader is closed with 4429 and loses nothing: it comes back with its cursor", async () => {
  const broker = await testBroker();
  const { number } = await heavyJob(broker);
  const steady = openReader(broker, "jobs");
  const slow = openReader(broker, "jobs");
  await Promise.all([steady.next("tick"), slow.next("tick")]);
  slow.socket.pause();
  for (let priority = 0; broker.feed.count() > 1; priority = (priority + 1) % 80)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await changePriority(broker, number, priority);
  slow.socket.resume();
  expect((await slow.closed).code).toBe(4429);
  for (let priority = 81; priority <= 88; priority++)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await changePriority(broker, number, priority);
  const back = openReader(broker, "jobs", { after: slow.cursor() });
  await back.next("tick");
  await steady.next("events", ({ events }) => events.some((event) => event.job?.priority === 88));
  const heard = [...slow.events(), ...back.events()].map((event) => event.cursor);
  expect(heard).toEqual(steady.events().map((event) => event.cursor));
  expect(back.events().length).toBeGreaterThanOrEqual(8);
});

test("history that was pruned: reset for a cursor before it, exact resume behind it, cursor-expired for GET /v1/events", async () => {
  const broker = await testBroker();
  const { number } = await submit(broker.api);
  const { cursor: old } = await openReader(broker, "jobs").next("tick");
  for (let priority = 0; priority < 40; priority++)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await changePriority(broker, number, priority);
  const { cursor: newest } = await broker.api.ok("listEvents");
  const errors: unknown[] = [];
  const pruner = createPruner(broker.broker, (error) => errors.push(error), { eventRows: 10 });
  await pruner.prune();
  await pruner.stop();
  expect(errors).toEqual([]);
  const [epoch] = old.split(".");
  const late = openReader(broker, "jobs", { after: old });
  expect(await late.next("reset")).toMatchObject({ reason: "pruned" });
  expect((await late.next("snapshot")).jobs?.[0]?.priority).toBe(39);
  const edge = openReader(broker, "jobs", { after: `${epoch}.${newest - 10}` });
  await edge.next("tick");
  expect(edge.events().map((event) => event.cursor)).toEqual(
    Array.from({ length: 10 }, (_, n) => newest - 9 + n),
  );
  const beyond = openReader(broker, "jobs", { after: `${epoch}.${newest - 11}` });
  await beyond.next("reset");
  await broker.api.problem("listEvents", "cursor-expired", { query: { after: newest - 11 } });
  expect((await broker.api.ok("listEvents", { query: { after: newest - 10 } })).events).toHaveLength(10);
  // By age everything goes but the newest: cursors go on from there.
  const aged = createPruner(broker.broker, (error) => errors.push(error), { eventDays: -1 });
  await aged.prune();
  await aged.stop();
  expect((await broker.api.ok("listEvents")).cursor).toBe(newest);
  const idle = openReader(broker, "jobs", { after: `${epoch}.${newest}` });
  expect((await idle.next("hello")).resumed).toBe(true);
  await changePriority(broker, number, 1);
  expect((await idle.next("events")).events.map((event) => event.cursor)).toEqual([newest + 1]);
});

test("a restored database: readers of the later one are reset, and end equal to a fresh snapshot", async () => {
  const first = await openBroker({ dataFolder: testFolder() });
  const { number } = await submit(first.api);
  const backup = testFolder();
  cpSync(first.dataFolder, backup, {
    recursive: true,
    filter: (path) => !/^(lock\.db|.*-shm)/.test(basename(path)),
  });
  const proxy = await startProxy(first.url);
  const client = follow({ ...first, url: proxy.url }, ["jobs", "job:1"]);
  await client.until(({ state }) => state === "live");
  await submit(first.api);
  await changePriority(first, number, 99);
  await client.until(({ store }) => store.jobs.size === 2 && store.jobs.get(number)?.priority === 99);
  await first.stop();
  const db = new Database(join(backup, "tally.db"));
  renewEpoch(db);
  db.close();
  const restored = await testBroker({ dataFolder: backup });
  // As many events as the other one had: by number alone the cursor would look good.
  for (let priority = 0; priority < 9; priority++)
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await changePriority(restored, number, priority);
  proxy.lead(restored.url);
  await client.until(({ state, store }) => state === "live" && store.jobs.get(number)?.priority === 8);
  expect(client.heard["reset"]).toBe(1);
  expect([...client.store.jobs.keys()]).toEqual([number]);
  expect(pictureOf(client.store)).toEqual(await freshPicture(restored, ["jobs", "job:1"]));
});

test("a client that is refused says why and does not ask again", async () => {
  const broker = await testBroker();
  const client = follow(broker, ["job:7"]);
  await client.until(({ refusal }) => refusal !== null);
  expect(client.refusal).toEqual({ code: 4404, reason: "There is no job 7." });
  expect(client.state).toBe("away");
  await submit(broker.api);
  client.follow(["jobs"]);
  await client.until(({ state }) => state === "live");
  expect(client.store.jobs.size).toBe(1);
});

test("whoever comes back to much that is new is told it all at its own pace, not called slow for its length", async () => {
  const broker = await testBroker();
  const { number } = await heavyJob(broker);
  const { cursor: from } = await openReader(broker, "jobs").next("tick");
  await broker.broker.writer.write((tx) => {
    for (let count = 0; count < 100; count++) addEvent(tx, { kind: "job.changed", jobId: number });
  });
  const back = openReader(broker, "jobs", { after: from });
  await back.next("tick");
  expect(back.events()).toHaveLength(100);
  await changePriority(broker, number, 91);
  await back.next("events", ({ events }) => events.some(({ job }) => job?.priority === 91));
});

test("history is pruned under a reader that still catches up: it is sent away rather than told with a gap", async () => {
  const broker = await testBroker();
  // Events that carry 20 KB each: a page of them does not fit into what the system takes for a reader that sleeps.
  const labels = Object.fromEntries(Array.from({ length: 80 }, (_, n) => [`label ${n}`, "x".repeat(240)]));
  const { number } = await submit(broker.api, [{ frames: "1" }], { labels });
  const { cursor: from } = await openReader(broker, "jobs").next("tick");
  await broker.broker.writer.write((tx) => {
    for (let count = 0; count < 1500; count++) addEvent(tx, { kind: "job.changed", jobId: number });
  });
  const { cursor: newest } = await broker.api.ok("listEvents");
  const slow = openReader(broker, "jobs", { after: from });
  await slow.next("hello");
  slow.socket.pause();
  const errors: unknown[] = [];
  const pruner = createPruner(broker.broker, (error) => errors.push(error), { eventRows: 10 });
  await pruner.prune();
  await pruner.stop();
  expect(errors).toEqual([]);
  slow.socket.resume();
  expect((await slow.closed).code).toBe(4429);
  const heard = slow.events().map(({ cursor }) => cursor);
  expect(heard).toEqual(heard.map((_, n) => Number(from.split(".")[1]) + 1 + n));
  expect(heard.length).toBeLessThan(newest);
  const back = openReader(broker, "jobs", { after: slow.cursor() || from });
  expect(await back.next("reset")).toMatchObject({ reason: "pruned" });
});

test("a round that goes wrong sends its readers away: they come back with their cursor and miss nothing", async () => {
  const broker = await testBroker();
  const worker = await joinWorker(broker);
  const reader = openReader(broker, "workers");
  await reader.next("tick");
  const change = (blenders: string) =>
    broker.broker.writer.write((tx) => {
      tx.run("UPDATE workers SET blenders = ?", blenders);
      addEvent(tx, { kind: "worker.changed", state: "idle", data: { worker: worker.id, name: "this PC" } });
    });
  // A row that cannot be read, as on a disk that fails for a moment.
  await change("no list");
  expect((await reader.closed).code).toBe(1011);
  await change("[]");
  const back = openReader(broker, "workers", { after: reader.cursor() });
  await back.next("tick");
  expect(back.events().map(({ kind }) => kind)).toEqual(["worker.changed", "worker.changed"]);
});

test("a disk that cannot be read as progress is told ends no broker: what was to be told is told with the next", async () => {
  const { broker, ...more } = await testBroker();
  await submit(more.api);
  const worker = await joinWorker({ broker, ...more });
  await worker.work();
  const gone = new Database(":memory:");
  const shown = rowsOf(gone);
  gone.close();
  let rows = shown;
  const failed = Promise.withResolvers<unknown>();
  const told = Promise.withResolvers<string>();
  const topics = { jobs: false, workers: true, jobNumbers: [], attempts: [] };
  const group = { key: "workers", topics, jobNumbers: new Set<number>(), readers: new Set<FeedReader>() };
  const progress = createProgress({
    broker,
    rows: { get: (...asked) => rows.get(...asked), all: (...asked) => rows.all(...asked) },
    groups: () => [group],
    send: (_, data) => told.resolve(data.toString()),
    lengthOf: () => Promise.resolve(undefined),
    coalesceMs: 1,
    onError: failed.resolve,
  });
  // It leased; no event says so.
  progress.committed([]);
  expect(String(await failed.promise)).toContain("not open");
  rows = broker.rows;
  progress.committed([]);
  expect(await told.promise).toContain(worker.id);
  progress.close();
});
