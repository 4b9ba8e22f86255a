// Tests what is known of the times of frames.
import { expect, it } from "vitest";
import type { Attempt } from "./attempt.ts";
import type { FeedEvent, FeedMessage } from "./feed.ts";
import { createTimings } from "./timings.ts";

const attempt = (ordinal: number, more: Partial<Attempt>): Attempt =>
  ({
    step: "Render",
    ordinal,
    state: "succeeded",
    seconds: 2,
    startedAt: "2026-05-04T09:30:00Z",
    ...more,
  }) as Attempt;
const events = (...some: Partial<FeedEvent>[]): FeedMessage[] => [
  {
    v: 1,
    type: "events",
    cursor: "a.1",
    events: some.map((one) => ({
      cursor: 1,
      at: "2026-05-04T09:31:00Z",
      kind: "task.changed",
      jobId: "job_7",
      jobNumber: 7,
      step: "Render",
      first: 0,
      last: 0,
      state: "succeeded",
      data: null,
      ...one,
    })),
  },
];

it("reads times of done frames and beginnings of running ones, the newest try first", () => {
  const timings = createTimings(7);
  timings.addAttempts([
    attempt(1, { seconds: 3 }),
    attempt(1, { seconds: 9 }),
    attempt(2, { state: "started" }),
  ]);
  const { done, running } = timings.of("Render");
  expect([...done]).toEqual([[1, 3]]);
  expect([...running]).toEqual([[2, Date.parse("2026-05-04T09:30:00Z")]]);
});

it("hears what begins, ends and is asked for anew, and nothing of other jobs", () => {
  const timings = createTimings(7);
  expect(timings.hear(events({ state: "running", first: 3, last: 5 }))).toBe(true);
  timings.hear(events({ first: 4, last: 4, data: { seconds: 1.5 } }));
  expect([...timings.of("Render").running.keys()]).toEqual([3, 5]);
  expect(timings.of("Render").done.get(4)).toBe(1.5);
  timings.hear(events({ first: 0, last: 9, state: "ready", data: { requeued: true } }));
  expect(timings.of("Render").done.size + timings.of("Render").running.size).toBe(0);
  expect(timings.hear(events({ jobNumber: 8, state: "running" }))).toBe(false);
});

it("frames that a machine took together begin one after the other", () => {
  const timings = createTimings(7);
  const running = () => [...timings.of("Render").running];
  const at = (minute: number) => `2026-05-04T09:${minute}:00Z`;
  timings.hear(events({ state: "running", first: 3, last: 6, at: at(31) }));
  expect(running()).toEqual([[3, Date.parse(at(31))]]);
  timings.hear(events({ first: 3, last: 3, data: { seconds: 60 }, at: at(32) }));
  expect(running()).toEqual([[4, Date.parse(at(32))]]);
  timings.hear(events({ state: "failed", first: 4, last: 4, at: at(34) }));
  expect(running()).toEqual([[5, Date.parse(at(34))]]);
  // The rest goes back: whoever takes it next begins anew.
  timings.hear(events({ state: "ready", first: 5, last: 6, at: at(35) }));
  expect(running()).toEqual([]);
  timings.hear(events({ state: "running", first: 6, last: 6, at: at(36) }));
  expect(running()).toEqual([[6, Date.parse(at(36))]]);
});

it("asks what all times say together no oftener than it is told to", () => {
  const timings = createTimings(7);
  timings.hear(events({ first: 0, last: 0, data: { seconds: 2 } }));
  const before = timings.of("Render");
  expect(before.spread).toMatchObject({ count: 1, mean: 2 });
  timings.hear(events({ first: 1, last: 1, data: { seconds: 4 } }));
  expect(timings.of("Render")).toBe(before);
  expect(before.spread.count).toBe(1);
  timings.renew();
  expect(timings.of("Render").spread).toMatchObject({ count: 2, mean: 3 });
});
