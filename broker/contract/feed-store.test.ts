// A store of the feed: what is said twice does no harm, pages count together, what is over goes.
import { expect, test } from "vitest";
import type { FeedEvent, FeedMessage } from "./feed.ts";
import { createFeedApplier, createFeedStore, progressKey } from "./feed-store.ts";
import type { Job } from "./job.ts";
import type { Worker } from "./worker.ts";

const counts = { blocked: 0, ready: 3, running: 0, succeeded: 0, failed: 0, canceled: 0 };
const job = (number: number, more: Partial<Job> = {}): Job => ({
  id: `job_${number}`,
  number,
  name: "shot",
  owner: "ada",
  state: "queued",
  intent: "run",
  intentReason: null,
  priority: 50,
  labels: {},
  taskCount: 3,
  counts,
  deliveredFiles: 0,
  createdAt: "2026-01-01T00:00:00.000Z",
  startedAt: null,
  endedAt: null,
  outputPattern: null,
  templateName: null,
  picture: null,
  ...more,
});
const worker = (id: string): Worker => ({
  id,
  name: id,
  pool: "local",
  state: "idle",
  intent: "run",
  osFamily: "linux",
  blenders: [],
  amounts: {},
  attributes: {},
  jobNumber: null,
  step: null,
  ordinals: [],
  progress: null,
  registeredAt: "2026-01-01T00:00:00.000Z",
  lastSeenAt: "2026-01-01T00:00:00.000Z",
});
const snapshot = (part: number, last: boolean, jobs: Job[]): FeedMessage => ({
  v: 1,
  type: "snapshot",
  topic: "jobs",
  cursor: "x.1",
  part,
  last,
  jobs,
});
const detail = (number: number): FeedMessage => ({
  v: 1,
  type: "snapshot",
  topic: `job:${number}`,
  cursor: "x.1",
  part: 0,
  last: true,
  job: { ...job(number), steps: [], parameters: {}, failures: [], framesPerSecond: null },
  states: [{ step: "render", encoding: "runs", text: "3q", frames: "1-3" }],
});
const changed = (state: string, first: number, last: number, more: Partial<FeedEvent> = {}): FeedMessage => ({
  v: 1,
  type: "events",
  cursor: "x.2",
  events: [
    {
      cursor: 2,
      at: "2026-01-01T00:00:00.000Z",
      kind: "task.changed",
      jobId: "job_1",
      jobNumber: 1,
      step: "render",
      first,
      last,
      state,
      data: null,
      ...more,
    },
  ],
});
const progress = (ordinal: number): FeedMessage => ({
  v: 1,
  type: "progress",
  tasks: [{ jobId: "job_1", jobNumber: 1, step: "render", ordinal, percent: 40, status: null }],
  workers: [],
});

test("the pages of a snapshot replace what was known together, with the last", () => {
  const store = createFeedStore();
  const apply = createFeedApplier(store);
  apply(snapshot(0, true, [job(1), job(2)]));
  apply(snapshot(0, false, [job(3)]));
  expect([...store.jobs.keys()]).toEqual([1, 2]);
  // Cut off, and begun anew.
  apply(snapshot(0, false, [job(3)]));
  apply(snapshot(1, true, [job(4)]));
  expect([...store.jobs.keys()]).toEqual([3, 4]);
});

test("so do the pages of the workers, of which there may be hundreds", () => {
  const store = createFeedStore();
  const apply = createFeedApplier(store);
  const page = (part: number, last: boolean, ids: string[]): FeedMessage => ({
    v: 1,
    type: "snapshot",
    topic: "workers",
    cursor: "x.1",
    part,
    last,
    workers: ids.map(worker),
    pausedPools: ["farm"],
  });
  apply(page(0, true, ["wrk_1", "wrk_2"]));
  apply(page(0, false, ["wrk_3"]));
  expect([...store.workers.keys()]).toEqual(["wrk_1", "wrk_2"]);
  // Cut off, and begun anew.
  apply(page(0, false, ["wrk_3"]));
  apply(page(1, true, ["wrk_4"]));
  expect([...store.workers.keys()]).toEqual(["wrk_3", "wrk_4"]);
});

test("a pool is paused from the event that says so until the one that says otherwise, or a snapshot without it", () => {
  const store = createFeedStore();
  const apply = createFeedApplier(store);
  const say = (pool: string, intent: string) =>
    apply(changed("", 0, 0, { kind: "pool.changed", jobId: null, jobNumber: null, data: { pool, intent } }));
  for (const pool of ["local", "local", "farm"]) say(pool, "pause");
  expect([...store.pausedPools]).toEqual(["local", "farm"]);
  say("local", "run");
  expect([...store.pausedPools]).toEqual(["farm"]);
  const snap = { v: 1, type: "snapshot", topic: "workers", cursor: "x.1", part: 0, last: true } as const;
  apply({ ...snap, workers: [], pausedPools: [] });
  expect([...store.pausedPools]).toEqual([]);
});

test("an event that comes twice does no harm; its job is replaced, what it does not say of a job stays", () => {
  const store = createFeedStore();
  const apply = createFeedApplier(store);
  apply(detail(1));
  apply(progress(1));
  const now = { ...job(1, { priority: 70 }), steps: [], failures: [] };
  for (let time = 0; time < 2; time++) apply(changed("succeeded", 0, 1, { job: now }));
  expect([...(store.steps.get(1)?.get("render")?.states ?? [])]).toEqual([3, 3, 1]);
  expect(store.details.get(1)).toMatchObject({ priority: 70, parameters: {} });
  expect(store.jobs.get(1)).toEqual(job(1, { priority: 70 }));
  expect(store.progress.size).toBe(0);
});

test("a frame that is begun stays begun, also where the word that it runs comes behind", () => {
  const store = createFeedStore();
  const apply = createFeedApplier(store);
  apply(detail(1));
  apply(progress(2));
  apply(changed("running", 0, 2));
  expect([...store.progress.keys()]).toEqual([progressKey(1, "render", 2)]);
  apply(changed("ready", 2, 2));
  expect(store.progress.size).toBe(0);
});

test("progress stays until its frame is over; a kind that nobody knows is passed over", () => {
  const store = createFeedStore();
  const apply = createFeedApplier(store);
  apply(detail(1));
  apply(changed("running", 0, 2));
  apply(progress(2));
  apply(changed("succeeded", 0, 1));
  expect(store.progress.get(progressKey(1, "render", 2))?.percent).toBe(40);
  apply({ v: 1, type: "weather", sun: true } as never);
  apply(changed("paused by the moon", 2, 2));
  expect([...(store.steps.get(1)?.get("render")?.states ?? [])]).toEqual([3, 3, 2]);
});

test("jobs that ended long ago are forgotten, live ones never", () => {
  const store = createFeedStore();
  const apply = createFeedApplier(store);
  const at = (number: number) => new Date(Date.UTC(2026, 0, 1) + number * 1000).toISOString();
  apply(changed("succeeded", 0, 0, { job: job(1) }));
  for (let number = 2; number < 1100; number++)
    apply(changed("succeeded", 0, 0, { job: job(number, { state: "succeeded", endedAt: at(number) }) }));
  expect(store.jobs.size).toBeLessThan(1010);
  expect(store.jobs.has(1)).toBe(true);
  expect(store.jobs.has(2)).toBe(false);
  expect(store.jobs.has(1099)).toBe(true);
});
