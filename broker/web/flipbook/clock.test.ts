// The clock of the flip-book: time decides, not how often it is asked.
import { expect, it } from "vitest";
import { advance, ahead, seek, spanOf, step, toggle, type Playing } from "./clock.ts";

const at = (more: Partial<Playing> = {}): Playing => ({
  index: 0,
  playing: true,
  loop: true,
  framesPerSecond: 25,
  since: 1000,
  ...more,
});

const ten = { first: 0, last: 9 };

it("shows each frame for its time, and drops frames when it is asked seldom", () => {
  expect(advance(at(), 1039, ten).index).toBe(0);
  expect(advance(at(), 1040, ten).index).toBe(1);
  expect(advance(at(), 1200, ten)).toMatchObject({ index: 5, since: 1200 });
});

it("does not lose time between two frames", () => {
  let playing = at({ framesPerSecond: 24 });
  for (let now = 1000; now <= 11_000; now += 7) playing = advance(playing, now, { first: 0, last: 999 });
  expect(playing.index).toBe(Math.floor((10_997 - 1000) / (1000 / 24)));
});

it("goes around, or stays at the end and begins anew", () => {
  expect(advance(at({ index: 8 }), 1120, ten).index).toBe(1);
  const ended = advance(at({ index: 8, loop: false }), 1500, ten);
  expect(ended).toMatchObject({ index: 9, playing: false });
  expect(toggle(ended, 2000, ten)).toMatchObject({ index: 0, playing: true, since: 2000 });
});

it("plays between the first and the last picture alone", () => {
  const some = spanOf([7, 3, 5]);
  expect(some).toEqual({ first: 3, last: 7 });
  expect(advance(at({ index: 7 }), 1040, some).index).toBe(3);
  expect(advance(at({ index: 6 }), 1240, some).index).toBe(7);
  expect(advance(at({ index: 20 }), 1040, some).index).toBe(3);
  expect(advance(at({ index: 6, loop: false }), 1500, some)).toMatchObject({ index: 7, playing: false });
  expect(toggle(at({ index: 0, playing: false }), 1100, some)).toMatchObject({ index: 3, playing: true });
  expect(toggle(at({ index: 9, playing: false }), 1100, some)).toMatchObject({ index: 3, playing: true });
  expect(ahead(6, some, 9, true)).toEqual([6, 7, 3, 4, 5]);
  expect(ahead(9, some, 2, true)).toEqual([3, 4]);
});

it("stops, seeks and steps", () => {
  expect(toggle(at(), 1100, ten).playing).toBe(false);
  expect(seek(at(), 1100, 99, 10)).toMatchObject({ index: 9, playing: true, since: 1100 });
  expect(step(at(), 1100, -1, 10)).toMatchObject({ index: 9, playing: false });
  expect(step(at({ loop: false }), 1100, -1, 10).index).toBe(0);
});

it("wants the pictures that come next", () => {
  expect(ahead(8, ten, 4, true)).toEqual([8, 9, 0, 1]);
  expect(ahead(8, ten, 4, false)).toEqual([8, 9]);
  expect(ahead(0, { first: 0, last: 1 }, 9, true)).toEqual([0, 1]);
});
