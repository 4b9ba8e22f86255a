// A clock that moves only when a test says so.
import type { Clock } from "../../broker/domain/ports.ts";

export interface FakeClock extends Clock {
  /** Lets `ms` go by on both clocks. */
  advance(ms: number): void;
  /** Sets the wall clock by `ms`, as a person or a time server does. */
  setWall(ms: number): void;
}

/** Starts at a fixed day, so that every run sees the same times. */
export function createFakeClock(start: number = Date.UTC(2026, 0, 1)): FakeClock {
  let wall = start;
  let monotonic = 1_000_000;
  return {
    now: () => wall,
    monotonic: () => monotonic,
    advance(ms) {
      wall += ms;
      monotonic += ms;
    },
    setWall(ms) {
      wall += ms;
    },
  };
}
