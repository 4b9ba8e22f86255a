// Which frames of which step are missing.
import { expect, test } from "vitest";
import type { JobDetail, Task } from "../contract/job.ts";
import { checkComplete, completenessLines } from "./completeness.ts";
import { tally } from "./own-name.ts";

function task(
  step: string,
  ordinal: number,
  state: Task["state"],
  frame: string | null = String(ordinal + 1),
): Task {
  return { step, ordinal, state, frame } as Task;
}
const file = (step: string, ordinal: number) => ({ step, ordinal, state: "current" as const });
const job = (steps: number, endedAt: string | null) =>
  ({ number: 12, endedAt, steps: Array.from({ length: steps }) }) as unknown as JobDetail;

test("all frames done, each with a file: complete", () => {
  const complete = checkComplete(
    [task("R", 0, "succeeded"), task("R", 1, "succeeded")],
    [file("R", 0), file("R", 1)],
  );
  expect(complete).toEqual({ isComplete: true, steps: [] });
  expect(completenessLines(job(1, "2026"), complete)).toEqual([]);
});

test("failed, open and empty frames are told by step", () => {
  const tasks = [
    task("Render", 0, "succeeded"),
    task("Render", 1, "failed"),
    task("Render", 2, "canceled"),
    task("Render", 3, "succeeded"),
    task("Render", 6, "running"),
    task("Encode", 0, "blocked", null),
  ];
  const complete = checkComplete(tasks, [file("Render", 0)]);
  expect(complete.isComplete).toBe(false);
  expect(completenessLines(job(2, null), complete)).toEqual([
    "Job 12 is not complete:",
    "  Render: 2 frames (2-3) failed or canceled",
    "  Render: 1 frame (7) not done yet",
    "  Render: 1 frame (4) done, but without a file",
    "  Encode: 1 frame (1) not done yet",
    `  Bring the rest as it comes: ${tally("pull 12 --follow")}`,
  ]);
  expect(completenessLines(job(1, "2026"), complete).slice(-2)).toEqual([
    `  Render them again: ${tally("requeue 12 --failed")}`,
    `  Render them again: ${tally("requeue 12 --frames 4")}`,
  ]);
});

test("a frame that is done but has no file is not among the failed ones, so it is named to be rendered again", () => {
  const tasks = [0, 1, 2].map((ordinal) => task("Render", ordinal, "succeeded"));
  const complete = checkComplete(tasks, [file("Render", 0)]);
  expect(completenessLines(job(1, "2026"), complete).slice(1)).toEqual([
    "  2 frames (2-3) done, but without a file",
    `  Render them again: ${tally("requeue 12 --frames 2-3")}`,
  ]);
  expect(completenessLines(job(2, "2026"), complete).at(-1)).toBe(
    `  Render them again: ${tally("requeue 12 --frames 2-3 --step Render")}`,
  );
});

test("a step that saves no files is complete without them, and a file that no longer counts is none", () => {
  expect(checkComplete([task("Check", 0, "succeeded")], []).isComplete).toBe(true);
  const partial = [{ step: "R", ordinal: 0, state: "partial" as const }, file("R", 1)];
  expect(
    checkComplete([task("R", 0, "succeeded"), task("R", 1, "succeeded")], partial).steps[0]?.noFile,
  ).toEqual(["1"]);
});
