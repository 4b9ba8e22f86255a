// Lights: their rows at every size, and that nothing which failed or runs is ever hidden behind others.
import fc from "fast-check";
import { expect, test } from "vitest";
import { taskStates, type TaskState } from "../../contract/states.ts";
import { layoutLights, lightLooks, lightOf, lightRow, type Light } from "./lights.ts";
import { columnsOf } from "../columns.ts";

const of = (states: readonly TaskState[]) => Uint8Array.from(states, (state) => taskStates.indexOf(state));
const look = { colour: false, unicode: true };
const rowText = (
  states: Uint8Array,
  layout: ReturnType<typeof layoutLights>,
  row: number,
  used = new Set<Light>(),
) =>
  lightRow(states, layout, row, look, used)
    .map(({ text }) => text)
    .join("");

test.each([
  [10, 70, 6, { per: 1, columns: 10, rows: 1, isSpaced: true }],
  [60, 70, 6, { per: 1, columns: 30, rows: 2, isSpaced: true }],
  [240, 70, 6, { per: 1, columns: 60, rows: 4, isSpaced: false }],
  [1000, 70, 6, { per: 3, columns: 60, rows: 6, isSpaced: false }],
  [100_000, 70, 10, { per: 200, columns: 60, rows: 9, isSpaced: false }],
  [100_000, 28, 3, { per: 2000, columns: 20, rows: 3, isSpaced: false }],
  [100_000, 6, 1, { per: 20_000, columns: 6, rows: 1, isSpaced: false }],
  [5, 3, 1, { per: 2, columns: 3, rows: 1, isSpaced: false }],
])("%i frames in %i columns and %i rows", (count, width, rows, layout) => {
  expect(layoutLights(count, width, rows)).toEqual(layout);
});

test("the light of some frames: what failed and what runs is seen, then how much is done", () => {
  const light = (...states: TaskState[]) => lightOf(of(states), 0, states.length);
  expect(light("succeeded", "failed", "succeeded")).toBe("failed");
  expect(light("ready", "running", "succeeded")).toBe("running");
  expect(light("failed", "running", "succeeded")).toBe("both");
  expect(light("succeeded", "succeeded")).toBe("succeeded");
  expect(light("succeeded", "ready", "ready")).toBe("some");
  expect(light("succeeded", "canceled")).toBe("most");
  expect(light("blocked", "ready")).toBe("ready");
  expect(light("blocked", "canceled")).toBe("blocked");
  expect(light("canceled")).toBe("canceled");
});

test("rows of ten and ten, or with a blank between", () => {
  const states = of([
    ...Array(12).fill("succeeded"),
    "failed",
    "running",
    ...Array(4).fill("ready"),
  ] as TaskState[]);
  expect(rowText(states, { per: 1, columns: 20, rows: 1, isSpaced: false }, 0)).toBe("■■■■■■■■■■ ■■X►····");
  expect(rowText(states, { per: 1, columns: 18, rows: 1, isSpaced: true }, 0)).toBe(
    "■ ■ ■ ■ ■ ■ ■ ■ ■ ■ ■ ■ X ► · · · ·",
  );
});

test("every kind of light has a shape of its own, with Unicode and without", () => {
  const looks = Object.values(lightLooks);
  expect(new Set(looks.map(({ mark }) => mark)).size).toBe(looks.length);
  expect(new Set(looks.map(({ ascii }) => ascii)).size).toBe(looks.length);
  expect(looks.every(({ mark, ascii }) => columnsOf(mark) === 1 && /^[!-~]$/.test(ascii))).toBe(true);
});

test("at any size all frames are there, in so many rows and columns, and no failed or running one vanishes", () => {
  const sizes = fc.record({
    count: fc.integer({ min: 1, max: 120_000 }),
    width: fc.integer({ min: 4, max: 200 }),
    rows: fc.integer({ min: 1, max: 30 }),
    marks: fc.array(fc.tuple(fc.nat(), fc.constantFrom("failed" as const, "running" as const)), {
      maxLength: 12,
    }),
  });
  fc.assert(
    fc.property(sizes, ({ count, width, rows, marks }) => {
      const layout = layoutLights(count, width, rows);
      expect(layout.rows).toBeLessThanOrEqual(rows);
      expect(layout.rows * layout.columns * layout.per).toBeGreaterThanOrEqual(count);
      const states = new Uint8Array(count);
      for (const [at, state] of marks) states[at % count] = taskStates.indexOf(state);
      const texts = Array.from({ length: layout.rows }, (_, row) => rowText(states, layout, row));
      for (const text of texts) expect(columnsOf(text)).toBeLessThanOrEqual(width);
      const lights = texts.join("").replaceAll(" ", "");
      for (const [ordinal, index] of states.entries()) {
        const state = taskStates[index];
        const shown = lights[Math.floor(ordinal / layout.per)];
        if (state === "failed") expect(["X", "&"]).toContain(shown);
        if (state === "running") expect(["►", "&"]).toContain(shown);
      }
    }),
    { numRuns: 60 },
  );
});
