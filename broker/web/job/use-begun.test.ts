// Tests which frames count as begun.
import { expect, it } from "vitest";
import { createFeedStore, progressKey } from "../../contract/feed-store.ts";
import { taskStates } from "../../contract/states.ts";
import { countBegun, steadied } from "./use-begun.ts";

it("counts what runs and was told of, by step", () => {
  const store = createFeedStore();
  const codes = (...names: (typeof taskStates)[number][]) =>
    new Uint8Array(names.map((one) => taskStates.indexOf(one)));
  store.steps.set(
    7,
    new Map([
      ["Render", { states: codes("running", "running", "running", "succeeded"), frames: "1-4" }],
      ["Film", { states: codes("running"), frames: null }],
    ]),
  );
  const tell = (jobNumber: number, step: string, ordinal: number) =>
    store.progress.set(progressKey(jobNumber, step, ordinal), {
      jobId: "job_7",
      jobNumber,
      step,
      ordinal,
      percent: 0,
      status: null,
    });
  tell(7, "Render", 0);
  tell(7, "Render", 1);
  tell(7, "Render", 3);
  tell(8, "Render", 2);
  expect([...countBegun(store, 7)]).toEqual([["Render", 2]]);
});

it("grows at once, and falls only when it stays low", () => {
  const one = steadied(undefined, 1, 1000);
  expect(one.count).toBe(1);
  expect(steadied(one, 0, 1100).count).toBe(1);
  expect(steadied(one, 2, 1100).count).toBe(2);
  expect(steadied(steadied(one, 1, 1300), 0, 1600).count).toBe(1);
  expect(steadied(one, 0, 1500).count).toBe(0);
});
