// A light for each frame, or for some frames together: which one, in which rows. Pure.
import type { TaskState } from "../../contract/states.ts";
import type { Colour } from "../style.ts";
import type { Look, Piece } from "./text.ts";

/** `both`: of the frames behind it some failed and some run. `some`, `most`: less, and more, than half of them are done. */
export type Light = TaskState | "both" | "some" | "most";

interface LightLook {
  mark: string;
  ascii: string;
  colour?: Colour;
}

/** By shape and by colour. The marks are those that even old terminals have. */
export const lightLooks: Readonly<Record<Light, LightLook>> = {
  succeeded: { mark: "■", ascii: "#", colour: "green" },
  running: { mark: "►", ascii: ">", colour: "cyan" },
  failed: { mark: "X", ascii: "X", colour: "red" },
  both: { mark: "&", ascii: "&", colour: "red" },
  most: { mark: "▓", ascii: "+", colour: "green" },
  some: { mark: "▒", ascii: "-", colour: "green" },
  ready: { mark: "·", ascii: ".", colour: "dim" },
  blocked: { mark: "◦", ascii: ":", colour: "dim" },
  canceled: { mark: "–", ascii: "_", colour: "dim" },
};

/** The mark of a light. */
export function markOf(light: Light, { unicode }: Pick<Look, "unicode">): string {
  return unicode ? lightLooks[light].mark : lightLooks[light].ascii;
}

export interface LightLayout {
  /** Frames behind one light. */
  per: number;
  /** Lights in a row. */
  columns: number;
  rows: number;
  /** A blank between two lights; else one after ten. */
  isSpaced: boolean;
}

const nice = [1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 20, 25, 30, 40, 50];
/** Lights in a row of tens: rows that begin with numbers to count by. More would be hard to count at all. */
const tens = [10, 20, 30, 40, 50, 60, 80, 100];
/** Frames behind one light: numbers that people count by. */
const bundles = [
  1, 2, 3, 4, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10_000, 20_000, 50_000,
];

/** Rows for `count` frames in `width` columns and at most `mostRows` rows: one light a frame as long as they fit. */
export function layoutLights(count: number, width: number, mostRows: number): LightLayout {
  const rows = Math.max(1, mostRows);
  const wide = Math.max(1, Math.floor((width + 1) / 2));
  if (count <= wide && count <= 50) return { per: 1, columns: Math.max(1, count), rows: 1, isSpaced: true };
  const airy = nice.findLast((columns) => columns <= wide) ?? 1;
  const airyRows = Math.ceil(count / airy);
  if (airyRows <= Math.max(Math.min(3, rows), Math.floor(rows / 2)))
    return { per: 1, columns: airy, rows: airyRows, isSpaced: true };
  const columns = tens.findLast((many) => many + many / 10 - 1 <= width) ?? Math.max(1, width);
  const last = bundles.at(-1) as number;
  const fits = (per: number) => Math.ceil(Math.ceil(count / per) / columns) <= rows;
  const per = bundles.find(fits) ?? Math.ceil(count / (rows * columns) / last) * last;
  return { per, columns, rows: Math.ceil(Math.ceil(count / per) / columns), isSpaced: false };
}

/** The light of the frames `from` to `to` (excluded). What failed and what runs is seen whatever stands beside it. */
export function lightOf(states: Uint8Array, from: number, to: number): Light {
  const counts = [0, 0, 0, 0, 0, 0];
  for (let ordinal = from; ordinal < to; ordinal++) {
    const state = states[ordinal] ?? 0;
    counts[state] = (counts[state] ?? 0) + 1;
  }
  const [blocked = 0, ready = 0, running = 0, succeeded = 0, failed = 0] = counts;
  if (failed > 0) return running > 0 ? "both" : "failed";
  if (running > 0) return "running";
  if (succeeded === to - from) return "succeeded";
  if (succeeded > 0) return succeeded * 2 < to - from ? "some" : "most";
  if (ready > 0) return "ready";
  return blocked > 0 ? "blocked" : "canceled";
}

/** The lights of one row, equal neighbours in one piece; adds each kind to `used`. */
export function lightRow(
  states: Uint8Array,
  { per, columns, isSpaced }: LightLayout,
  row: number,
  look: Look,
  used: Set<Light>,
): Piece[] {
  const pieces: Piece[] = [];
  for (let column = 0; column < columns; column++) {
    const from = (row * columns + column) * per;
    if (from >= states.length) break;
    const light = lightOf(states, from, Math.min(states.length, from + per));
    used.add(light);
    const gap = column > 0 && (isSpaced || column % 10 === 0) ? " " : "";
    const { colour } = lightLooks[light];
    const last = pieces.at(-1);
    if (last && last.colour === colour) last.text += gap + markOf(light, look);
    else pieces.push({ text: gap + markOf(light, look), colour });
  }
  return pieces;
}
