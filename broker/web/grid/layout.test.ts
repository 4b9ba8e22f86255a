// Tests where the lights of a grid lie.
import { expect, it } from "vitest";
import { layoutOf, moved, ordinalAt, placeOf } from "./layout.ts";

it("makes few frames large, in one row, without numbers at the side", () => {
  expect(layoutOf(10, 1100, 360)).toMatchObject({ pitch: 46, rows: 1, columns: 10, gutter: 0 });
});

it("takes rows of a round number of frames", () => {
  for (const [count, width] of [
    [240, 1100],
    [1000, 1100],
    [1000, 340],
    [100_000, 1100],
  ] as const)
    expect(layoutOf(count, width, 360).columns % 5, `${count} in ${width}`).toBe(0);
});

it("fits what can fit, and keeps every light visible where it cannot", () => {
  expect(layoutOf(5000, 1100, 360).height).toBeLessThanOrEqual(360);
  const many = layoutOf(100_000, 1100, 360);
  expect(many).toMatchObject({ pitch: 4, cell: 3 });
  expect(many.gutter + many.columns * many.pitch).toBeLessThanOrEqual(1100);
  expect(many.columns * many.rows).toBeGreaterThanOrEqual(100_000);
});

it("never is wider than its place", () => {
  for (const width of [120, 320, 390, 768, 1440])
    for (const count of [1, 7, 100, 3333, 100_000]) {
      const { gutter, columns, pitch } = layoutOf(count, width, 360);
      expect(gutter + columns * pitch - 1, `${count} in ${width}`).toBeLessThanOrEqual(width + 5);
    }
});

it("finds every light where it was put, and none beside them", () => {
  const layout = layoutOf(1000, 900, 360);
  for (const ordinal of [0, 1, layout.columns - 1, layout.columns, 999]) {
    const { x, y } = placeOf(layout, ordinal);
    expect(ordinalAt(layout, 1000, x, y)).toBe(ordinal);
    expect(ordinalAt(layout, 1000, x + layout.cell, y + layout.cell)).toBe(ordinal);
  }
  expect(ordinalAt(layout, 1000, 2, 2)).toBeNull();
  expect(ordinalAt(layout, 1000, 890, layout.height + 30)).toBeNull();
});

it("moves by keys, and stays inside", () => {
  const layout = layoutOf(1000, 900, 360);
  const { columns } = layout;
  expect(moved(layout, 1000, 0, "ArrowLeft", 5)).toBe(0);
  expect(moved(layout, 1000, 3, "ArrowDown", 5)).toBe(3 + columns);
  expect(moved(layout, 1000, 3, "ArrowUp", 5)).toBe(3);
  expect(moved(layout, 1000, 3, "End", 5)).toBe(999);
  expect(moved(layout, 1000, 999, "Home", 5)).toBe(0);
  expect(moved(layout, 1000, 3, "x", 5)).toBeNull();
});
