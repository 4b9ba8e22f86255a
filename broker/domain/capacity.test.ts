// How many agents a pool starts, and how fair share forgets.
import { expect, test } from "vitest";
import { planCapacity, type CapacityInput } from "./capacity.ts";
import { createShares } from "./share.ts";

const launches = (count: number, state: CapacityInput["launches"][number]["state"] = "running") =>
  Array.from({ length: count }, (_, index) => ({ launchId: `lau_${index}`, state }));
const input = (more: Partial<CapacityInput>): CapacityInput => ({
  demand: 0,
  launches: [],
  away: 0,
  isPaused: false,
  limits: { slots: 2 },
  failedStarts: 0,
  lastFailureMs: 0,
  nowMs: 0,
  ...more,
});

test.each<[string, Partial<CapacityInput>, number]>([
  ["nothing to do, nobody", {}, 0],
  ["one frame, one agent", { demand: 1 }, 1],
  ["never more than the slots", { demand: 1000 }, 2],
  ["who is there counts", { demand: 1000, launches: launches(1) }, 1],
  ["enough is enough", { demand: 1, launches: launches(1) }, 0],
  ["who is leaving does not count", { demand: 1000, launches: launches(2, "stopping") }, 2],
  ["nobody is started in the place of who is paused", { demand: 5, launches: launches(1, "paused") }, 1],
  ["nor of who is paused and away", { demand: 5, away: 1 }, 1],
  ["nor where all are", { demand: 5, away: 1, launches: launches(1, "paused") }, 0],
  ["nor where more are paused than there are slots", { demand: 5, away: 4, launches: launches(1) }, 0],
  [
    "the other slots are used as ever, whether somebody works there or not",
    { demand: 5, limits: { slots: 4 }, launches: launches(1, "paused") },
    3,
  ],
  ["nobody is started in a paused pool", { demand: 5, isPaused: true }, 0],
  ["no slots", { demand: 5, limits: { slots: 0 } }, 0],
  ["after a failed start it waits", { demand: 1, failedStarts: 1, nowMs: 999 }, 0],
  ["a second", { demand: 1, failedStarts: 1, nowMs: 1000 }, 1],
  ["then twice as long", { demand: 1, failedStarts: 3, nowMs: 3999 }, 0],
  ["and never longer than a minute", { demand: 1, failedStarts: 50, nowMs: 60_000 }, 1],
])("%s", (_, more, expected) => {
  expect(planCapacity(input(more))).toEqual(
    expected === 0 ? { kind: "none" } : { kind: "start", count: expected },
  );
});

test("of a few slots, in every state and order there can be: those that are paused stay empty, the rest is filled by demand", () => {
  const upTo = (most: number) => Array.from({ length: most + 1 }, (_, n) => n);
  for (const slots of upTo(4))
    for (const running of upTo(4))
      for (const starting of upTo(2))
        for (const paused of upTo(4))
          for (const away of upTo(3))
            for (const demand of upTo(5))
              for (const isPaused of [false, true]) {
                const one = { slots, running, starting, paused, away, demand, isPaused };
                const all = [
                  ...launches(paused, "paused"),
                  ...launches(running),
                  ...launches(starting, "starting"),
                ];
                const action = planCapacity(
                  input({ demand, launches: all, away, isPaused, limits: { slots } }),
                );
                const count = action.kind === "start" ? action.count : 0;
                const says = JSON.stringify(one);
                const left = Math.max(0, slots - paused - away - running - starting);
                const unmet = Math.max(0, demand - running - starting);
                expect(count, says).toBe(isPaused ? 0 : Math.min(left, unmet));
                expect(
                  planCapacity(
                    input({ demand, launches: all.toReversed(), away, isPaused, limits: { slots } }),
                  ),
                  says,
                ).toEqual(action);
              }
});

test("ten minutes ago a second weighs half, and owners are apart", () => {
  const shares = createShares();
  shares.add("ann", 100, 0);
  shares.add("bob", 60, 600_000);
  expect(shares.of("ann", 600_000)).toBeCloseTo(50);
  expect(shares.of("bob", 600_000)).toBe(60);
  shares.add("ann", 10, 600_000);
  expect(shares.of("ann", 1_200_000)).toBeCloseTo(30);
  expect(shares.of("nobody", 0)).toBe(0);
});
