// Where each light of a frame grid lies: as large as fits, in rows of a round number of frames. Pure.

export interface GridLayout {
  /** The side of a light, px. */
  cell: number;
  /** From one light to the next, px. */
  pitch: number;
  columns: number;
  rows: number;
  /** Room for the numbers at the left, px; 0 without them. */
  gutter: number;
  /** Height of all rows, px. */
  height: number;
}

/** Sizes to choose from: pitch and the gap in it, px. Above 20,000 frames the smallest is needed. */
const sizes: readonly [pitch: number, gap: number][] = [
  [46, 5],
  [36, 4],
  [28, 4],
  [22, 3],
  [18, 3],
  [14, 2],
  [12, 2],
  [10, 2],
  [8, 2],
  [6, 1],
  [5, 1],
  [4, 1],
];
const round = [
  5, 6, 8, 10, 12, 15, 20, 24, 25, 30, 40, 50, 60, 75, 80, 100, 120, 125, 150, 200, 250, 300, 400, 500,
];
const manyFrames = 20_000;
/** Room around all lights, so that a ring around one at the edge is not cut, px. */
const edge = 3;
/** Rows are to fit so much where lights can still be seen, px. */
export const wantedHeight = 360;
/** Lights with a number inside, from this size on, px. */
export const numbersFrom = 30;

/** The layout of `count` lights in `width` px; rows are to fit `wantedHeight` px as long as lights can be seen. */
export function layoutOf(count: number, width: number, wantedHeight: number): GridLayout {
  let last: GridLayout | undefined;
  for (const [pitch, gap] of sizes) {
    const isSmallest = pitch === 4;
    if (isSmallest && count <= manyFrames && last) break;
    last = layoutAt(count, width, pitch, gap);
    if (last.height <= wantedHeight) break;
  }
  return last ?? layoutAt(count, width, 4, 1);
}

function layoutAt(count: number, width: number, pitch: number, gap: number): GridLayout {
  const cell = pitch - gap;
  const room = width - 2 * edge + gap;
  const oneRow = Math.max(1, Math.floor(room / pitch));
  if (count <= oneRow)
    return { cell, pitch, columns: Math.max(1, count), rows: 1, gutter: 0, height: pitch + 2 * edge - gap };
  // Large lights have their number inside.
  const gutter = cell >= numbersFrom ? 0 : 16 + String(count).length * 8;
  const most = Math.max(1, Math.floor((room - gutter) / pitch));
  // A row of 50 is read more easily than one of 53; but no third of the width is given away for that.
  const nice = round.findLast((columns) => columns <= most);
  const columns = nice !== undefined && nice >= most * 0.66 ? nice : most;
  const rows = Math.ceil(count / columns);
  return { cell, pitch, columns, rows, gutter, height: rows * pitch + 2 * edge - gap };
}

/** Left and top of a light, px. */
export function placeOf(layout: GridLayout, ordinal: number): { x: number; y: number } {
  const { columns, pitch, gutter } = layout;
  return { x: edge + gutter + (ordinal % columns) * pitch, y: edge + Math.floor(ordinal / columns) * pitch };
}

/** The light at a place, or null beside them. */
export function ordinalAt(layout: GridLayout, count: number, x: number, y: number): number | null {
  const { columns, pitch, gutter } = layout;
  const column = Math.floor((x - edge - gutter) / pitch);
  const row = Math.floor((y - edge) / pitch);
  if (column < 0 || column >= columns || row < 0) return null;
  const ordinal = row * columns + column;
  return ordinal < count ? ordinal : null;
}

/** Where a key moves the cursor to. `page` is a screenful of rows. */
export function moved(
  layout: GridLayout,
  count: number,
  from: number,
  key: string,
  page: number,
): number | null {
  const by: Record<string, number> = {
    ArrowLeft: -1,
    ArrowRight: 1,
    ArrowUp: -layout.columns,
    ArrowDown: layout.columns,
    PageUp: -layout.columns * page,
    PageDown: layout.columns * page,
    Home: -count,
    End: count,
  };
  const step = by[key];
  if (step === undefined) return null;
  const to = from + step;
  // Up and down stay in their column: there is nothing above the first row.
  if ((key === "ArrowUp" && to < 0) || (key === "ArrowDown" && to >= count)) return from;
  return Math.min(count - 1, Math.max(0, to));
}
