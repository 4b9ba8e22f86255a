// What is typed after a command, where parseArgs alone would be too strict or too terse.
import { expect, test } from "vitest";
import { readArguments, readJob } from "./arguments.ts";
import { readSettings, readSubmit, readTimeout } from "./submit-flags.ts";

test("a negative number after a flag belongs to it", () => {
  const { values, positionals } = readArguments(
    "x",
    ["--frames", "-5--1", "a"],
    { frames: { type: "string" } },
    { most: 1, what: "a" },
  );
  expect({ ...values }).toEqual({ frames: "-5--1" });
  expect(positionals).toEqual(["a"]);
});

test("a job is a number, with or without #, an id, or the latest", () => {
  expect([undefined, "12", "#12", "latest", "job_7"].map((text) => readJob("show", text))).toEqual([
    "latest",
    "12",
    "12",
    "latest",
    "job_7",
  ]);
});

test("times for a frame", () => {
  const seconds = ["90", "90s", "15m", "2 h"].map((time) =>
    readTimeout(readSubmit(["a.blend", "--frame-timeout", time]).values),
  );
  expect(seconds).toEqual([90, 90, 900, 7200]);
});

test("flags become settings, and what is not typed is left to the broker", () => {
  const settings = (...args: string[]) => readSettings(readSubmit(["a.blend", ...args]).values);
  expect(settings()).toEqual({ labels: {} });
  expect(
    settings(
      "--priority",
      "70",
      "--retries",
      "0",
      "--max-failed",
      "3",
      "--order",
      "every-nth",
      "--pool",
      "gpu",
      "--skip",
      "--paused",
      "--label",
      "a=b=c",
      "--allow-shared-output",
    ),
  ).toEqual({
    priority: 70,
    maxRetries: 0,
    maxFailedTasks: 3,
    order: "every-nth",
    pool: "gpu",
    conflict: "skip",
    paused: true,
    allowSharedOutput: true,
    labels: { a: "b=c" },
  });
});
