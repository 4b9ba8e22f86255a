// Very many small lights, written into pixels row by row: tens of thousands are painted in a few milliseconds, where a
// canvas needs a hundred for as many stamps.
import { taskStates } from "../../contract/states.ts";
import { createStamps, drawRunning, nextLook, sideOf } from "./lights.ts";
import { pixelsOf, seenRows, type Brush, type GridLook, type GridScene, type GridView } from "./scene.ts";

const running = taskStates.indexOf("running");
const failed = taskStates.indexOf("failed");
/** A light in work has so many looks, by where it swings or by how far it is. */
const steps = 24;

/** Paints behind `pen`, whose canvas has its size. */
export function createDots(pen: CanvasRenderingContext2D, look: GridLook): Brush {
  const { cell, scale } = look;
  const { width, height } = pen.canvas;
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const side = sideOf(cell, scale);
  const looks = looksOf(look, side);
  const plain = {
    failed: looks.failed[0] as number,
    accent: looks.accent[0] as number,
    cursor: looks.cursor[0] as number,
  };
  let view: GridView = { top: 0, width: 0, height: 0 };
  /** Rows with a light that moves. What waits for its turn stands still, and that are most where workers take ten at once. */
  const moving = new Set<number>();

  function put(look: Uint32Array, x: number, y: number): void {
    const last = Math.min(side, height - y);
    for (let line = Math.max(0, -y); line < last; line++) {
      const from = line * side;
      const to = (y + line) * width + x;
      for (let column = 0; column < side; column++) pixels[to + column] = look[from + column] as number;
    }
  }

  function fill(color: number, left: number, top: number, right: number, bottom: number): void {
    const [from, to] = [Math.max(0, left), Math.min(width, right)];
    for (let line = Math.max(0, top); line < Math.min(height, bottom); line++)
      pixels.fill(color, line * width + from, line * width + to);
  }

  /** A line around a light, in the gap. */
  function ring(color: number, x: number, y: number, line: number): void {
    const [right, bottom] = [x + side, y + side];
    fill(color, x - line, y - line, right + line, y);
    fill(color, x - line, bottom, right + line, bottom + line);
    fill(color, x - line, y, x, bottom);
    fill(color, right, y, right + line, bottom);
  }

  function paint(now: GridScene, some: readonly number[], swing: number): void {
    const rows = [...new Set(some)].toSorted((a, b) => a - b);
    const { layout, states } = now;
    const { columns } = layout;
    const { room, leftOf, topOf } = pixelsOf(layout, view, scale);
    const lefts = Array.from({ length: columns }, (_, column) => leftOf(column));
    const swung = looks.swinging[Math.round(swing * steps)] as Uint32Array;
    const line = Math.max(1, Math.min(Math.floor(2 * scale), room >> 1));

    /** Returns whether it moves. */
    function paintOne(ordinal: number, x: number, y: number): boolean {
      const state = states[ordinal] ?? 0;
      const percent = state === running ? now.percentOf(ordinal) : null;
      if (state !== running) put(looks.states[state] as Uint32Array, x, y);
      else if (percent === null) put(looks.states[nextLook] as Uint32Array, x, y);
      else if (percent > 0)
        put(looks.going[Math.round((Math.min(100, percent) * steps) / 100)] ?? swung, x, y);
      else put(swung, x, y);
      // Among very many small ones a failed light must be found: it is larger than the others.
      if (state === failed) fill(plain.failed, x - room, y - room, x + side + room, y + side + room);
      if (now.isSlow(ordinal)) {
        // A frame far slower than the others: a corner turned down.
        const size = Math.max(2, Math.round(side * 0.42));
        for (let n = 0; n < size; n++) fill(plain.cursor, x + side - size + n, y + n, x + side, y + n + 1);
      }
      if (now.isChosen(ordinal)) ring(plain.cursor, x, y, line);
      if (now.cursor === ordinal) ring(plain.accent, x, y, line);
      return percent !== null;
    }

    for (const row of rows) {
      const y = topOf(row * columns);
      fill(0, 0, y - room, width, y + side + room);
    }
    // What lies in the gap belongs to the neighbors too.
    for (const row of new Set(rows.flatMap((one) => [one - 1, one, one + 1]))) {
      const first = row * columns;
      if (row < 0 || first >= states.length) continue;
      const y = topOf(first);
      const end = Math.min(columns, states.length - first);
      let moves = false;
      for (let column = 0; column < end; column++)
        if (paintOne(first + column, lefts[column] as number, y)) moves = true;
      if (moves) moving.add(row);
      else moving.delete(row);
    }
    const [low, high] = [rows[0], rows.at(-1)];
    if (low === undefined || high === undefined) return;
    // Numbers stand left of the lights.
    const left = leftOf(0) - room;
    const top = topOf(low * columns) - room;
    pen.putImageData(image, 0, 0, left, top, width - left, topOf(high * columns) + side + room - top);
  }

  return {
    all(now, seen, swing) {
      view = seen;
      pixels.fill(0);
      moving.clear();
      const [first, last] = seenRows(now, view);
      paint(now, rowsBetween(first, last), swing);
    },
    some(now, ranges, swing) {
      const { columns } = now.layout;
      const [first, last] = seenRows(now, view);
      const rows = ranges.flatMap(([from, to]) =>
        rowsBetween(Math.max(first, Math.floor(from / columns)), Math.min(last, Math.floor(to / columns))),
      );
      paint(now, rows, swing);
    },
    move: (now, swing) => paint(now, [...moving], swing),
    isMoving: () => moving.size > 0,
    moves: (now, ordinal) => moving.has(Math.floor(ordinal / now.layout.columns)),
  };
}

const rowsBetween = (first: number, last: number): number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);

interface Looks {
  /** In the order of `taskStates`, then that of `nextLook`. */
  states: Uint32Array[];
  /** Lights in work, by where they swing and by how far they are. */
  swinging: Uint32Array[];
  going: Uint32Array[];
  /** Plain colors. */
  failed: Uint32Array;
  accent: Uint32Array;
  cursor: Uint32Array;
}

/** The pixels of every light there can be, drawn once. */
function looksOf({ cell, scale, colors }: GridLook, side: number): Looks {
  const stamps = createStamps(cell, scale, colors);
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d", { willReadFrequently: true });

  function lookOf(draw: (own: CanvasRenderingContext2D) => void): Uint32Array {
    if (!pen) return new Uint32Array(side * side);
    pen.clearRect(0, 0, side, side);
    draw(pen);
    return new Uint32Array(pen.getImageData(0, 0, side, side).data.buffer);
  }
  const stamp = (own: CanvasRenderingContext2D, state: number) =>
    own.drawImage(stamps.canvas, state * side, 0, side, side, 0, 0, side, side);
  const runningLooks = (at: (part: number) => [percent: number, swing: number]) =>
    Array.from({ length: steps + 1 }, (_, step) =>
      lookOf((own) => {
        stamp(own, running);
        drawRunning(own, { x: 0, y: 0, side, isNumbered: false }, ...at(step / steps), colors);
      }),
    );
  const plain = (color: string) =>
    lookOf((own) => {
      own.fillStyle = color;
      own.fillRect(0, 0, side, side);
    });
  return {
    states: Array.from({ length: nextLook + 1 }, (_, look) => lookOf((own) => stamp(own, look))),
    swinging: runningLooks((part) => [0, part]),
    // One that was told of is never drawn as if nobody knew.
    going: runningLooks((part) => [Math.max(1, part * 100), 0]),
    failed: plain(colors.failed),
    accent: plain(colors.accent),
    cursor: plain(colors.cursor),
  };
}
