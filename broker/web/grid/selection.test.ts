// Tests how frames are chosen and how the choice is told.
import { expect, it } from "vitest";
import { extended, nobody, runsOf, selectionText, toggled } from "./selection.ts";

it("chooses one more, one less, and a range in either direction", () => {
  const one = toggled(nobody, 4);
  expect([...one]).toEqual([4]);
  expect([...toggled(one, 4)]).toEqual([]);
  expect(runsOf(extended(one, 9, 7))).toEqual([
    [4, 4],
    [7, 9],
  ]);
  expect([...nobody]).toEqual([]);
});

it("tells the choice in runs by the frames' own names, and cuts a long one", () => {
  const name = (ordinal: number) => String(ordinal + 101);
  expect(selectionText(extended(toggled(nobody, 0), 4, 6), name)).toBe("101, 105–107");
  const every = [0, 2, 4, 6, 8, 10, 12, 14].reduce(toggled, nobody);
  expect(selectionText(every, name)).toBe("101, 103, 105, 107, 109 and 3 more");
});
