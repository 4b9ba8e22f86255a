// Frames that a worker took and has not begun are counted and drawn as waiting, and its row names the one that it renders.
import { expect, test } from "vitest";
import { createFeedStore, progressKey, type FeedStore } from "../contract/feed-store.ts";
import type { FeedJobDetail } from "../contract/feed.ts";
import { taskStates, type TaskState } from "../contract/states.ts";
import { createTimings } from "../contract/timings.ts";
import type { Worker } from "../contract/worker.ts";
import { asBegun, workOf } from "./begun.ts";

const none = { blocked: 0, ready: 0, running: 0, succeeded: 0, failed: 0, canceled: 0 };
const index = (state: TaskState) => taskStates.indexOf(state);

/** Frames 11 to 20: one done, six on a worker, three that wait. */
function seen(begun: readonly number[], step = "Render"): { job: FeedJobDetail; store: FeedStore } {
  const counts = { ...none, succeeded: 1, running: 6, ready: 3 };
  const job: FeedJobDetail = {
    id: "job_3",
    number: 3,
    name: "shot",
    owner: "ana",
    state: "running",
    intent: "run",
    intentReason: null,
    priority: 50,
    labels: {},
    taskCount: 10,
    counts,
    deliveredFiles: 0,
    createdAt: "2026-03-01T10:00:00.000Z",
    startedAt: "2026-03-01T10:00:01.000Z",
    endedAt: null,
    outputPattern: null,
    templateName: null,
    picture: null,
    framesPerSecond: null,
    steps: [{ index: 0, name: step, dependsOn: [], taskCount: 10, counts, meanSeconds: null }],
    parameters: {},
    failures: [],
  };
  const store = createFeedStore();
  const states = Uint8Array.from([
    index("succeeded"),
    ...Array<number>(6).fill(index("running")),
    ...Array<number>(3).fill(index("ready")),
  ]);
  store.steps.set(3, new Map([[step, { states, frames: "11-20" }]]));
  for (const ordinal of begun)
    store.progress.set(progressKey(3, step, ordinal), {
      jobId: "job_3",
      jobNumber: 3,
      step,
      ordinal,
      percent: ordinal === 1 ? 0 : 40,
      status: null,
    });
  return { job, store };
}

const worker = (ordinals: number[]): Worker => ({
  id: "wrk_1",
  name: "desk-2",
  pool: "local",
  state: "busy",
  intent: "run",
  osFamily: "linux",
  blenders: [],
  amounts: {},
  attributes: {},
  jobNumber: 3,
  step: "Render",
  ordinals,
  progress: null,
  registeredAt: "2026-03-01T10:00:00.000Z",
  lastSeenAt: "2026-03-01T10:00:00.000Z",
});

const row = (begun: number[], ordinals: number[], here = true) => {
  const { job, store } = seen(begun);
  return workOf(job, store, createTimings(3), [worker(ordinals)], here)[0];
};

test("of the frames that a worker holds only those that it began run", () => {
  const { job, store } = seen([1]);
  const shown = asBegun(job, store);
  expect(shown.job.counts).toEqual({ ...none, succeeded: 1, running: 1, ready: 8 });
  expect(shown.job.steps[0]?.counts).toEqual(shown.job.counts);
  expect([...(shown.steps.get("Render")?.states ?? [])].map((state) => taskStates[state])).toEqual([
    "succeeded",
    "running",
    ...Array<TaskState>(8).fill("ready"),
  ]);
  // What the feed goes on to change is as it was.
  expect(store.steps.get(3)?.get("Render")?.states[2]).toBe(index("running"));
  expect(job.counts.running).toBe(6);
});

test("where all are begun, or none runs, nothing is changed or copied", () => {
  const { job, store } = seen([1, 2, 3, 4, 5, 6]);
  const shown = asBegun(job, store);
  expect(shown.job).toBe(job);
  expect(shown.steps.get("Render")?.states).toBe(store.steps.get(3)?.get("Render")?.states);
});

test("the row of a worker names the frame that it began, then how many it does after it", () => {
  expect(row([2], [1, 2, 3, 4, 5, 6])).toMatchObject({
    name: "frame 13",
    next: "then 5 more",
    isBegun: true,
    percent: 40,
    where: "desk-2",
    isHere: true,
  });
  expect(row([2], [2])).toMatchObject({ name: "frame 13", next: "" });
  // Begun is all that was told of it: no percent.
  expect(row([1], [1])).toMatchObject({ name: "frame 12", isBegun: true, percent: null, status: null });
  expect(row([1, 2, 3], [1, 2, 3, 4], false)).toMatchObject({
    name: "frame 13 and 2 more",
    next: "then 1 more",
    isHere: false,
  });
});

test("one that has begun none is about to start, and says no percent", () => {
  expect(row([], [4, 3])).toMatchObject({
    name: "frame 14",
    next: "then 1 more",
    isBegun: false,
    percent: null,
    status: "about to start",
    since: null,
  });
});
