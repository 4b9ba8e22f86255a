// The rollup of a worker walks the ways of its state machine, and no others.
import { expect, test } from "vitest";
import { workerIntents, type WorkerIntent } from "../contract/states.ts";
import { nextState, workerMachine } from "./machine.ts";
import { askedOf, workerStateOf } from "./worker-state.ts";

const eventOf = { pause: "pause", drain: "drain" } as const;

test.each(workerIntents.flatMap((from) => workerIntents.map((to) => [from, to] as const)))(
  "asked to %s, then to %s, in a frame and without one",
  (from, to) => {
    for (const isBusy of [true, false]) {
      const before = workerStateOf(from, isBusy);
      const after = workerStateOf(to, isBusy);
      if (from === to) expect(after).toBe(before);
      // A draining worker nearly always has a frame, so the table knows no other: without one a step is left out.
      else if (from === "drain") continue;
      else expect(nextState(workerMachine, before, askOf(from, to))).toBe(after);
    }
    if (from === "drain" && to === "pause")
      expect(nextState(workerMachine, "draining", "pause")).toBe(workerStateOf("pause", true));
  },
);

test("taking and finishing frames walks the table too", () => {
  expect(nextState(workerMachine, workerStateOf("run", false), "lease")).toBe(workerStateOf("run", true));
  expect(nextState(workerMachine, workerStateOf("run", true), "free")).toBe(workerStateOf("run", false));
  expect(nextState(workerMachine, workerStateOf("pause", true), "free")).toBe(workerStateOf("pause", false));
  for (const state of ["pausing", "paused", "draining"] as const)
    expect(nextState(workerMachine, state, "lease"), `a ${state} worker is given nothing`).toBeUndefined();
});

test.each(workerIntents)(
  "asked to %s: in a paused pool only who would run waits, and with its pool goes on",
  (own) => {
    expect(askedOf(own, false)).toBe(own);
    expect(askedOf(own, true)).toBe(own === "drain" ? "drain" : "pause");
    for (const isBusy of [true, false]) {
      const before = workerStateOf(askedOf(own, false), isBusy);
      const after = workerStateOf(askedOf(own, true), isBusy);
      if (own !== "run") expect(after).toBe(before);
      else {
        expect(nextState(workerMachine, before, "pause")).toBe(after);
        expect(nextState(workerMachine, after, "resume")).toBe(before);
      }
    }
  },
);

function askOf(from: WorkerIntent, to: WorkerIntent): string {
  return to === "run" ? (from === "pause" ? "resume" : "undrain") : eventOf[to];
}
