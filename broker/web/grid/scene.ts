// What a frame grid shows at this moment, and what paints its lights into a canvas.
import { placeOf, type GridLayout } from "./layout.ts";
import type { LightColors } from "./lights.ts";

/** What is looked at while it is painted. */
export interface GridScene {
  layout: GridLayout;
  /** A byte a frame: an index into `taskStates`. */
  states: Uint8Array;
  /** The name of a frame, for the numbers. */
  nameOf: (ordinal: number) => string;
  /** How far a running frame is, from 0; null when it is not begun and waits for its turn on its worker. */
  percentOf: (ordinal: number) => number | null;
  isChosen: (ordinal: number) => boolean;
  isSlow: (ordinal: number) => boolean;
  /** Where the keyboard is, or null. */
  cursor: number | null;
}

/** What of a grid is seen, px. */
export interface GridView {
  /** The scroll offset. */
  top: number;
  width: number;
  height: number;
}

/** How lights look. */
export interface GridLook {
  /** The side of a light, px. */
  cell: number;
  /** Device pixels a px. */
  scale: number;
  colors: LightColors;
}

/** Ordinals, the last one included. */
export type Range = readonly [first: number, last: number];

/** Paints lights of one look. `swing` is where lights are that go back and forth, from 0 to 1. */
export interface Brush {
  /** All that is seen, into an empty canvas; the same is looked at until the next call. */
  all(now: GridScene, view: GridView, swing: number): void;
  /** These frames, as far as they are seen. */
  some(now: GridScene, ranges: readonly Range[], swing: number): void;
  /** What moves. */
  move(now: GridScene, swing: number): void;
  isMoving(): boolean;
  /** Whether `move` paints this frame anew, whatever became of it. */
  moves(now: GridScene, ordinal: number): boolean;
}

/** The rows that are seen; one more at each end, as lights and their rings begin a little outside. */
export function seenRows({ layout, states }: GridScene, { top, height }: GridView): Range {
  const first = Math.max(0, Math.floor(top / layout.pitch) - 1);
  const last = Math.min(Math.ceil(states.length / layout.columns), Math.ceil((top + height) / layout.pitch));
  return [first, last - 1];
}

/** Left and top of a light in the canvas, and the gap beside it, device pixels. */
export function pixelsOf(layout: GridLayout, { top }: GridView, scale: number) {
  return {
    room: Math.round((layout.pitch - layout.cell) * scale),
    leftOf: (ordinal: number) => Math.round(placeOf(layout, ordinal).x * scale),
    topOf: (ordinal: number) => Math.round((placeOf(layout, ordinal).y - top) * scale),
  };
}
