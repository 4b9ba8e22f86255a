// Tests how events become sentences.
import { expect, it } from "vitest";
import type { Event } from "../../contract/attempt.ts";
import { addToActivity } from "./activity.ts";
import { namesOf } from "./names.ts";

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
const view = (frames: string | null, count: number) => ({ states: new Uint8Array(count), frames });
const names = namesOf(new Map([["Render", view("101-400", 300)]]));
const texts = (events: readonly Event[], by = names) =>
  addToActivity([], events, by).map(({ text, detail }) => (detail === null ? text : `${text}: ${detail}`));
const delivered = (first: number, more: Partial<Event> = {}) =>
  event({ kind: "artifact.delivered", state: "delivered", first, ...more });

it("tells frames and what they made in one line, by number, until something else becomes of the job", () => {
  const submitted = event({ kind: "job.created", step: null, first: null, state: "queued" });
  const some = [0, 1, 2, 3].flatMap((first) => [event({ first }), delivered(first)]);
  expect(texts([submitted, ...some])).toEqual(["4 frames done: 101–104, 4 files came home", "Submitted"]);
  expect(texts([event({}), delivered(0)])).toEqual(["Frame 101 done, 1 file came home"]);
  expect(texts([delivered(0), delivered(1)])).toEqual(["2 files came home"]);
  const paused = () => event({ kind: "job.changed", step: null, first: null, state: "paused" });
  expect(
    texts([event({}), event({ first: 5, last: 9 }), paused(), event({ first: 2 }), delivered(2)]),
  ).toEqual(["Frame 103 done, 1 file came home", "The job is paused", "6 frames done: 101, 106–110"]);
});

it("names frames where they are few, whatever order they come in", () => {
  const scattered = [0, 8, 2, 6, 4, 12].map((first) => event({ first }));
  expect(texts(scattered)).toEqual(["6 frames done"]);
  const closed = [1, 3, 5, 7].map((first) => event({ first }));
  expect(texts([...scattered, ...closed])).toEqual(["10 frames done: 101–109, 113"]);
  const many = Array.from({ length: 100 }, (_, n) => event({ first: n * 3 }));
  expect(texts(many)).toEqual(["100 frames done"]);
});

it("begins a new line after a while", () => {
  const at = (minute: number) => `2026-05-04T09:${String(minute).padStart(2, "0")}:00Z`;
  const events = [0, 4, 8, 12, 16].map((minute, first) => event({ first, at: at(minute) }));
  expect(texts(events)).toEqual(["2 frames done: 104–105", "3 frames done: 101–103"]);
});

it("tells failures of one reason together, beside what goes well, and leads to the frame", () => {
  const fail = (first: number, reason: string, worker = "this PC") =>
    event({ state: "failed", first, data: { reason, worker } });
  const events = [
    event({}),
    fail(6, "Out of memory."),
    event({ first: 1 }),
    fail(8, "No camera."),
    fail(9, "Out of memory."),
    fail(10, "Out of memory.", "render-02"),
  ];
  expect(texts(events)).toEqual([
    "3 frames failed: 107, 110–111: Out of memory.",
    "Frame 109 failed (this PC): No camera.",
    "2 frames done: 101–102",
  ]);
  expect(addToActivity([], events, names)[1]?.frame).toEqual({ step: "Render", ordinal: 8 });
});

it("calls what is no frame by its step, and says of which step frames are where there are several", () => {
  const several = namesOf(
    new Map([
      ["Render", view("1-9", 9)],
      ["Encode", view(null, 1)],
    ]),
  );
  expect(texts([event({}), event({ first: 1 }), event({ step: "Encode" })], several)).toEqual([
    "Encode done",
    "2 frames done: Render 1–2",
  ]);
  expect([several.fullOf("Render", 3), several.fullOf("Encode", 0)]).toEqual(["Render 4", "Encode"]);
  expect([names.fullOf("Render", 3), names.spokenOf("Render", 3)]).toEqual(["frame 104", "frame 104"]);
});

it("says that a frame is tried again, and does not tell the same event twice", () => {
  const retry = event({ state: "ready", first: 2, data: { reason: "It died.", willRetry: true } });
  const once = addToActivity([], [retry], names);
  expect(once[0]).toMatchObject({ text: "Frame 103 did not succeed and is tried again", mark: "again" });
  expect(addToActivity(once, [retry], names)).toEqual(once);
  const twice = addToActivity(once, [{ ...retry, cursor: retry.cursor + 1 }], names);
  expect(twice.map(({ text }) => text)).toEqual(["Frame 103 did not succeed and is tried again"]);
});

it("says once that the job runs, however often it waits for a moment", () => {
  const job = (state: string) => event({ kind: "job.changed", step: null, first: null, state });
  const entries = addToActivity(
    [],
    [
      job("running"),
      event({}),
      job("queued"),
      job("running"),
      event({ first: 1 }),
      job("paused"),
      job("running"),
    ],
    names,
  );
  expect(entries.map(({ text }) => text)).toEqual([
    "The job is running",
    "The job is paused",
    "2 frames done: 101–102",
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
