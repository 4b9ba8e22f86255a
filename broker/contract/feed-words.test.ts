// Letters, topics and cursors: what goes in comes out again, and what is none is refused.
import fc from "fast-check";
import { expect, test } from "vitest";
import {
  packStates,
  parseCursor,
  parseTopics,
  stateLetters,
  topicNames,
  unpackStates,
} from "./feed-words.ts";
import { taskStates } from "./states.ts";

const letters = fc
  .array(fc.tuple(fc.constantFrom(...taskStates), fc.integer({ min: 1, max: 40 })))
  .map((runs) => runs.map(([state, count]) => stateLetters[state].repeat(count)).join(""));

test("states come out as they went in, never longer than a letter each", () => {
  fc.assert(
    fc.property(letters, (text) => {
      const packed = packStates(text);
      expect(packed.text.length).toBeLessThanOrEqual(text.length);
      const states = [...unpackStates(packed)].map((index) => taskStates[index]);
      expect(states.map((state) => state && stateLetters[state]).join("")).toBe(text);
    }),
  );
});

test("whichever is shorter: runs or letters", () => {
  expect(packStates("s".repeat(5000) + "r")).toEqual({ encoding: "runs", text: "5000s1r" });
  expect(packStates("srsrsr")).toEqual({ encoding: "chars", text: "srsrsr" });
  expect(packStates("")).toEqual({ encoding: "chars", text: "" });
  expect(() => unpackStates({ encoding: "chars", text: "sx" })).toThrow("no task state x");
});

test("topics are named in one way however they were asked for", () => {
  const topics = parseTopics("workers,job:job_12,log:att_7,jobs,job:3,job:12");
  expect(topics).toEqual({ jobs: true, workers: true, jobNumbers: [3, 12], attempts: [7] });
  expect(topics && topicNames(topics)).toEqual(["jobs", "job:3", "job:12", "workers", "log:att_7"]);
  for (const text of ["", "jobs,,workers", "job:", "job:01", "job:-1", "log:7", "jobs ", "all"])
    expect(parseTopics(text), text).toBeNull();
});

test("a cursor is an epoch and a number", () => {
  expect(parseCursor("6f1c2ab09d3e.41")).toEqual({ epoch: "6f1c2ab09d3e", n: 41 });
  for (const text of ["", "41", ".41", "x.", "x.1.2", "X.1", "x.-1", "x.1e3"])
    expect(parseCursor(text), text).toBeNull();
});
