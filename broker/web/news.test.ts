// Tests of what a notice is given: an end, a failure, a stall; and of what not.
import { expect, it } from "vitest";
import type { Job } from "../contract/job.ts";
import type { Worker } from "../contract/worker.ts";
import { createNews, stallMs, type News } from "./news.ts";

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
const titles = (news: News, one: Job, now = 0, workers: Worker[] = []) =>
  news.look([one], workers, now).map(({ title }) => title);

/** Looks as often as a page does that is awake. */
function watch(news: News, one: Job, from: number, to: number, workers: Worker[] = []): string[] {
  const told: string[] = [];
  for (let now = from; now <= to; now += 15_000) told.push(...titles(news, one, now, workers));
  return told;
}

it("tells an end once, and nothing of jobs that were over before", () => {
  expect(titles(createNews(), job({ state: "succeeded" }))).toEqual([]);
  const news = createNews();
  titles(news, job());
  const done = job({
    state: "succeeded",
    endedAt: "now",
    counts: { ...counts, ready: 0, running: 0, succeeded: 5 },
  });
  expect(news.look([done], [], 1)).toEqual([{ job: 7, title: "shot is done", body: "5 of 5 frames done." }]);
  expect(titles(news, done, 2)).toEqual([]);
});

it("tells the first failed frame, not each of them, and the failure of the job with its reason", () => {
  const news = createNews();
  titles(news, job());
  expect(titles(news, job({ counts: { ...counts, failed: 1 } }))).toEqual(["shot: a frame failed"]);
  expect(titles(news, job({ counts: { ...counts, failed: 2 } }))).toEqual([]);
  const [last] = news.look([job({ state: "failed", endedAt: "now", intentReason: "Too many." })], [], 3);
  expect(last).toEqual({ job: 7, title: "shot failed", body: "Too many." });
});

it("tells a stall once, and again only after something moved", () => {
  const news = createNews();
  expect(watch(news, job(), 0, stallMs - 1)).toEqual([]);
  expect(watch(news, job(), stallMs, 3 * stallMs)).toEqual(["shot does not move"]);
  const moved = job({ counts: { ...counts, ready: 3, succeeded: 1 } });
  expect(watch(news, moved, 3 * stallMs, 4 * stallMs - 1)).toEqual([]);
  expect(watch(news, moved, 4 * stallMs, 5 * stallMs)).toEqual(["shot does not move"]);
  expect(watch(createNews(), job({ state: "paused" }), 0, 2 * stallMs)).toEqual([]);
});

it("a long frame whose worker tells how far it is does not stall", () => {
  const news = createNews();
  const on = (progress: number) => [{ id: "wkr_1", jobNumber: 7, progress } as Worker];
  for (let n = 0; n < 6; n++)
    expect(watch(news, job(), (n * stallMs) / 2, ((n + 1) * stallMs) / 2 - 1, on(n))).toEqual([]);
  expect(watch(news, job(), 3 * stallMs, 5 * stallMs, on(5))).toEqual(["shot does not move"]);
});

it("nothing stalls while the machine that looks is asleep", () => {
  const news = createNews();
  watch(news, job(), 0, stallMs / 2);
  expect(titles(news, job(), 60 * 60_000)).toEqual([]);
  expect(watch(news, job(), 60 * 60_000, 60 * 60_000 + stallMs)).toEqual(["shot does not move"]);
});

it("tells the end of a job that was made and done between two looks, not of one that was over long ago", () => {
  const at = (ms: number): string => new Date(ms).toISOString();
  const over = job({ state: "succeeded", endedAt: at(1_000_000) });
  const first = createNews();
  expect(titles(first, over, 1_000_100)).toEqual([]);
  const news = createNews();
  news.look([], [], 1_000_000);
  expect(titles(news, over, 1_000_300)).toEqual(["shot is done"]);
  expect(titles(news, over, 1_000_600)).toEqual([]);
  expect(titles(news, job({ number: 3, state: "succeeded", endedAt: at(0) }), 1_000_900)).toEqual([]);
});
