// What a job is: by examples, and by properties over all counts.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { TaskCounts } from "../contract/job.ts";
import { jobIntents, taskStates, type JobIntent, type JobState } from "../contract/states.ts";
import { isOver, rollup } from "./rollup.ts";

const counts = (text: string): TaskCounts => {
  const sum: TaskCounts = { blocked: 0, ready: 0, running: 0, succeeded: 0, failed: 0, canceled: 0 };
  for (const word of text.split(" ").filter(Boolean))
    sum[word.slice(1) as keyof TaskCounts] += Number(word[0]);
  return sum;
};

test.each<[JobIntent, string, JobState]>([
  ["run", "3ready", "queued"],
  ["run", "2ready 1running", "running"],
  ["run", "3succeeded", "succeeded"],
  ["run", "2succeeded 1failed", "failed"],
  ["run", "2succeeded 1ready 1failed", "queued"],
  // Blocked behind a failed step: they do not keep the job alive.
  ["run", "1failed 2blocked", "failed"],
  ["run", "3succeeded 2blocked", "queued"],
  ["run", "1failed 2blocked 1running", "running"],
  ["run", "2succeeded 1canceled", "canceled"],
  ["run", "1failed 1canceled", "failed"],
  ["pause", "3ready", "paused"],
  ["pause", "2ready 1running", "pausing"],
  ["pause", "3succeeded", "succeeded"],
  ["pause", "1succeeded 1failed", "failed"],
  ["cancel", "2ready 1running", "canceling"],
  // Nothing is canceled before every frame is: a broker that dies in between has to go on with it.
  ["cancel", "2ready 1canceled", "canceling"],
  ["cancel", "2blocked 1canceled", "canceling"],
  ["cancel", "3canceled", "canceled"],
  ["cancel", "2succeeded 1canceled", "canceled"],
  ["cancel", "2succeeded 1failed", "canceled"],
  ["cancel", "3succeeded", "succeeded"],
  ["stop", "1running 9failed", "running"],
  ["stop", "5ready 9failed", "running"],
  ["stop", "9failed 5canceled", "failed"],
])("asked to %s, with %s: %s", (intent, text, state) => {
  expect(rollup(intent, counts(text), false)).toBe(state);
});

const anyCounts = fc.record(
  Object.fromEntries(taskStates.map((state) => [state, fc.nat(3)])) as Record<
    keyof TaskCounts,
    fc.Arbitrary<number>
  >,
);
const some = anyCounts.filter((one) => Object.values(one).some((count) => count > 0));
const intents = fc.constantFrom(...jobIntents);

describe("for all counts", () => {
  test("a loading job is loading, whatever else", () => {
    fc.assert(fc.property(intents, some, (intent, one) => rollup(intent, one, true) === "loading"));
  });
  test("nothing is over while a frame runs or waits for its turn", () => {
    fc.assert(
      fc.property(intents, some, (intent, one) => {
        if (one.running + one.ready > 0) expect(isOver(rollup(intent, one, false))).toBe(false);
      }),
    );
  });
  test("succeeded means that every frame succeeded, and the other way round", () => {
    fc.assert(
      fc.property(
        intents.filter((intent) => intent !== "stop"),
        some,
        (intent, one) => {
          const all = Object.entries(one).every(([state, count]) => state === "succeeded" || count === 0);
          expect(rollup(intent, one, false) === "succeeded").toBe(all);
        },
      ),
    );
  });
  test("a job that is told to cancel or stop never says that it waits or pauses", () => {
    fc.assert(
      fc.property(fc.constantFrom("cancel" as const, "stop" as const), some, (intent, one) => {
        expect(["queued", "paused", "pausing", "loading"]).not.toContain(rollup(intent, one, false));
      }),
    );
  });
});
