// Tests of what a notice is given: an end, a failure, a stall; and of what not.
import { expect, it } from "vitest";
import type { Job } from "../contract/job.ts";
import { newsOf, stallMs, type Seen } from "./news.ts";

const counts = { blocked: 0, ready: 4, running: 1, succeeded: 0, failed: 0, canceled: 0 };
const job = (more: Partial<Job> = {}): Job =>
  ({
    number: 7,
    name: "shot",
    state: "running",
    taskCount: 5,
    counts,
    endedAt: null,
    intentReason: null,
    ...more,
  }) as Job;
const titles = (seen: Map<number, Seen>, one: Job, now = 0) =>
  newsOf(seen, [one], now).map(({ title }) => title);

it("tells an end once, and nothing of jobs that were over before", () => {
  const seen = new Map<number, Seen>();
  expect(titles(seen, job({ state: "succeeded" }))).toEqual([]);
  seen.clear();
  titles(seen, job());
  const done = job({
    state: "succeeded",
    endedAt: "now",
    counts: { ...counts, ready: 0, running: 0, succeeded: 5 },
  });
  expect(newsOf(seen, [done], 1)).toEqual([{ job: 7, title: "shot is done", body: "5 of 5 frames done." }]);
  expect(titles(seen, done, 2)).toEqual([]);
});

it("tells the first failed frame, not each of them, and the failure of the job with its reason", () => {
  const seen = new Map<number, Seen>();
  titles(seen, job());
  expect(titles(seen, job({ counts: { ...counts, failed: 1 } }))).toEqual(["shot: a frame failed"]);
  expect(titles(seen, job({ counts: { ...counts, failed: 2 } }))).toEqual([]);
  const [news] = newsOf(seen, [job({ state: "failed", endedAt: "now", intentReason: "Too many." })], 3);
  expect(news).toEqual({ job: 7, title: "shot failed", body: "Too many." });
});

it("tells a stall once, and again only after something moved", () => {
  const seen = new Map<number, Seen>();
  titles(seen, job(), 0);
  expect(titles(seen, job(), stallMs - 1)).toEqual([]);
  expect(titles(seen, job(), stallMs)).toEqual(["shot does not move"]);
  expect(titles(seen, job(), 3 * stallMs)).toEqual([]);
  const moved = job({ counts: { ...counts, ready: 3, succeeded: 1 } });
  expect(titles(seen, moved, 4 * stallMs)).toEqual([]);
  expect(titles(seen, moved, 5 * stallMs)).toEqual(["shot does not move"]);
  seen.clear();
  titles(seen, job({ state: "paused" }), 0);
  expect(titles(seen, job({ state: "paused" }), 2 * stallMs)).toEqual([]);
});
