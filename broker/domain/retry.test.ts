// Retries: a frame's own failures count, lost hosts count apart.
import { expect, test } from "vitest";
import type { FailureClass } from "../contract/states.ts";
import { afterFailure, maxLosses } from "./retry.ts";

function run(classes: FailureClass[], maxRetries: number): string[] {
  let counters = { failures: 0, losses: 0 };
  return classes.map((failureClass) => {
    const { event, ...next } = afterFailure(failureClass, counters, { maxRetries });
    counters = next;
    return `${event} ${next.failures}/${next.losses}`;
  });
}

test("two retries mean three tries", () => {
  expect(run(["task", "task", "task"], 2)).toEqual(["retry 1/0", "retry 2/0", "fail 3/0"]);
  expect(run(["task"], 0)).toEqual(["fail 1/0"]);
});

test.each(["host", "capacity"] as const)("a loss (%s) never uses a retry", (loss) => {
  expect(run([loss, loss, loss, "task", "task"], 1)).toEqual([
    "retry 0/1",
    "retry 0/2",
    "retry 0/3",
    "retry 1/3",
    "fail 2/3",
  ]);
});

test("a wrong set-up is not tried again", () => {
  expect(run(["config"], 5)).toEqual(["fail 1/0"]);
});

test("a frame that takes host after host down ends", () => {
  const events = run(
    Array.from({ length: maxLosses }, () => "host" as const),
    2,
  );
  expect(events.at(-2)).toMatch(/^retry/);
  expect(events.at(-1)).toMatch(/^fail/);
});
