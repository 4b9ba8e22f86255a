// Tests which jobs are listed, and in which order.
import { expect, it } from "vitest";
import type { Job } from "../../contract/job.ts";
import { jobStates } from "../../contract/states.ts";
import { choicesOf, found, isIn, listed, noFilters, stateFilters, type Filters } from "./list.ts";

function job(number: number, more: Partial<Job> = {}): Job {
  const counts = { blocked: 0, ready: 4, running: 0, succeeded: 0, failed: 0, canceled: 0 };
  return {
    id: `job_${number}`,
    number,
    name: `shot ${number}`,
    owner: "ana",
    state: "running",
    intent: "run",
    intentReason: null,
    priority: 50,
    labels: {},
    taskCount: 4,
    counts,
    deliveredFiles: 0,
    createdAt: "2026-05-04T09:30:00Z",
    startedAt: null,
    endedAt: null,
    outputPattern: null,
    templateName: null,
    picture: null,
    ...more,
  };
}
const ended = { endedAt: "2026-05-04T10:00:00Z" };
const jobs = [
  job(1, { state: "succeeded", ...ended, owner: "ben" }),
  job(2, { state: "failed", ...ended, labels: { show: "duel" } }),
  job(3, { priority: 80, name: "Shot 12 comp" }),
  job(4, { state: "paused" }),
  job(10, { state: "queued", name: "shot 3" }),
];
const numbers = (filters: Partial<Filters>) =>
  listed(jobs, { ...noFilters, ...filters }).map((one) => one.number);

it("lists the newest first", () => {
  expect(numbers({})).toEqual([10, 4, 3, 2, 1]);
});

it("keeps the jobs of a group of states", () => {
  expect(numbers({ state: "active" })).toEqual([10, 3]);
  expect(numbers({ state: "paused" })).toEqual([4]);
  expect(numbers({ state: "failed" })).toEqual([2]);
  expect(numbers({ state: "done" })).toEqual([1]);
});

it("has each job in one group, also one that has failed frames and goes on", () => {
  const counts = { blocked: 0, ready: 2, running: 0, succeeded: 1, failed: 1, canceled: 0 };
  const states = jobStates.map((state, index) => job(20 + index, { state, counts }));
  const all = Object.keys(stateFilters) as (keyof typeof stateFilters)[];
  for (const one of states)
    expect([one.state, all.filter((filter) => filter !== "all" && isIn(one, filter))]).toEqual([
      one.state,
      [expect.any(String)],
    ]);
  expect(isIn(job(30, { counts }), "active")).toBe(true);
  expect(isIn(job(31, { state: "canceling" }), "canceled")).toBe(true);
});

it("finds by search, owner and label whatever the state is", () => {
  const shown = found(jobs, { ...noFilters, state: "done", search: "shot", label: "show=duel" });
  expect(shown.map((one) => one.number)).toEqual([2]);
});

it("finds every word of a search, in any case, in names, numbers, owners and labels", () => {
  expect(numbers({ search: "COMP shot" })).toEqual([3]);
  expect(numbers({ search: "#10" })).toEqual([10]);
  expect(numbers({ search: "show=duel" })).toEqual([2]);
  expect(numbers({ search: "ben" })).toEqual([1]);
  expect(numbers({ search: "nobody" })).toEqual([]);
});

it("filters by owner and by label", () => {
  expect(numbers({ owner: "ben" })).toEqual([1]);
  expect(numbers({ label: "show=duel" })).toEqual([2]);
  expect(choicesOf(jobs)).toEqual({ owners: ["ana", "ben"], labels: ["show=duel"] });
});

it("puts high priorities first, but not those of jobs that are over, and sorts numbers in names as numbers", () => {
  expect(numbers({ order: "priority" })).toEqual([3, 10, 4, 2, 1]);
  expect(numbers({ order: "name" })).toEqual([1, 2, 10, 4, 3]);
});
