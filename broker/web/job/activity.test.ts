// Tests how events become sentences.
import { expect, it } from "vitest";
import type { Event } from "../../contract/attempt.ts";
import { addToActivity } from "./activity.ts";

let cursor = 0;
const event = (more: Partial<Event>): Event => ({
  cursor: ++cursor,
  at: "2026-05-04T09:30:00Z",
  kind: "task.changed",
  jobId: "job_7",
  jobNumber: 7,
  step: "Render",
  first: 0,
  last: more.first ?? 0,
  state: "succeeded",
  data: null,
  ...more,
});
const names = () => (ordinal: number) => String(101 + ordinal);

it("tells a run of frames in one line, and begins a new one when something else happened between", () => {
  const entries = addToActivity(
    [],
    [
      event({ kind: "job.created", step: null, first: null, state: "queued" }),
      event({}),
      event({ first: 1, last: 4 }),
      event({ state: "failed", first: 6, data: { reason: "Out of memory.", worker: "this PC" } }),
      event({ first: 7 }),
    ],
    names,
  );
  expect(entries.map(({ text, detail }) => [text, detail])).toEqual([
    ["1 frame done", null],
    ["Frame 107 failed (this PC)", "Out of memory."],
    ["5 frames done", null],
    ["Submitted", null],
  ]);
  expect(entries[1]?.frame).toEqual({ step: "Render", ordinal: 6 });
});

it("says that a frame is tried again, and does not tell the same event twice", () => {
  const retry = event({ state: "ready", first: 2, data: { reason: "It died.", willRetry: true } });
  const once = addToActivity([], [retry], names);
  expect(once[0]?.text).toBe("Frame 103 did not succeed and is tried again");
  expect(addToActivity(once, [retry], names)).toEqual(once);
});

it("says once that the job runs, however often it waits for a moment", () => {
  const job = (state: string) => event({ kind: "job.changed", step: null, first: null, state });
  const entries = addToActivity(
    [],
    [job("running"), event({}), job("queued"), job("running"), event({}), job("paused"), job("running")],
    names,
  );
  expect(entries.map(({ text }) => text)).toEqual([
    "The job is running",
    "The job is paused",
    "2 frames done",
    "The job is running",
  ]);
});

it("keeps no more than asked", () => {
  const some = Array.from({ length: 9 }, (_, n) =>
    event({ kind: "job.changed", state: null, data: { priority: n } }),
  );
  expect(addToActivity([], some, names, 3).map((one) => one.text)).toEqual([
    "Priority is 8 now",
    "Priority is 7 now",
    "Priority is 6 now",
  ]);
});
