// Lights large enough for a shape or a number inside, stamped one by one.
import { taskStates, type TaskState } from "../../contract/states.ts";
import { numbersFrom } from "./layout.ts";
import { createStamps, drawRunning, nextLook } from "./lights.ts";
import { pixelsOf, seenRows, type Brush, type GridLook, type GridScene, type GridView } from "./scene.ts";

const running = taskStates.indexOf("running");

/** Paints behind `pen`. */
export function createShapes(pen: CanvasRenderingContext2D, { cell, scale, colors }: GridLook): Brush {
  const stamps = createStamps(cell, scale, colors);
  const { side } = stamps;
  let view: GridView = { top: 0, width: 0, height: 0 };
  const isNumbered = cell >= numbersFrom;
  const numberColors: Partial<Record<TaskState, string>> = {
    succeeded: colors.onLight,
    failed: colors.ground,
    running: colors.cursor,
  };
  const moving = new Set<number>();

  function seen(now: GridScene): [number, number] {
    const [first, last] = seenRows(now, view);
    const { columns } = now.layout;
    return [first * columns, Math.min(now.states.length, (last + 1) * columns) - 1];
  }

  function paintOne(now: GridScene, ordinal: number, swing: number): void {
    const { room, leftOf, topOf } = pixelsOf(now.layout, view, scale);
    const [x, y] = [leftOf(ordinal), topOf(ordinal)];
    // Rings around a light lie in its half of the gap: the other half is of the light beside it.
    const half = Math.max(1, room >> 1);
    pen.clearRect(x - half, y - half, side + 2 * half, side + 2 * half);
    const state = now.states[ordinal] ?? 0;
    const percent = state === running ? now.percentOf(ordinal) : null;
    const look = state === running && percent === null ? nextLook : state;
    pen.drawImage(stamps.canvas, look * side, 0, side, side, x, y, side, side);
    if (percent === null) moving.delete(ordinal);
    else {
      moving.add(ordinal);
      drawRunning(pen, { x, y, side, isNumbered }, percent, swing, colors);
    }
    if (isNumbered) paintName(now, ordinal, x, y);
    if (now.isSlow(ordinal)) paintSlow(x, y);
    paintRings(now, ordinal, x, y, half);
  }

  /** Where the keyboard is, and what is chosen: rings one inside the other, and a line of ground between them and the light. */
  function paintRings(now: GridScene, ordinal: number, x: number, y: number, half: number): void {
    let from = -half;
    const ring = (color: string, line: number) => {
      const at = from + line / 2;
      pen.strokeStyle = color;
      pen.lineWidth = line;
      pen.strokeRect(x + at, y + at, side - 2 * at, side - 2 * at);
      from += line;
    };
    if (now.cursor === ordinal) ring(colors.accent, half);
    if (now.isChosen(ordinal)) ring(colors.cursor, Math.max(half, Math.round(side / 16)));
    if (from > -half) ring(colors.ground, Math.max(1, Math.round(side / 20)));
  }

  /** A frame far slower than the others: a corner turned down. */
  function paintSlow(x: number, y: number): void {
    const size = Math.max(2, side * 0.42);
    pen.fillStyle = colors.cursor;
    pen.beginPath();
    pen.moveTo(x + side - size, y);
    pen.lineTo(x + side, y);
    pen.lineTo(x + side, y + size);
    pen.fill();
  }

  function paintName(now: GridScene, ordinal: number, x: number, y: number): void {
    const state = taskStates[now.states[ordinal] ?? 0] ?? "ready";
    const name = now.nameOf(ordinal);
    if (name.length > 5) return;
    const size = Math.min(13, cell / (name.length > 3 ? 3.4 : 2.8));
    pen.font = `600 ${size * scale}px system-ui, sans-serif`;
    pen.textAlign = "center";
    pen.textBaseline = "middle";
    pen.fillStyle = numberColors[state] ?? colors.number;
    pen.fillText(name, x + side / 2, y + side / 2 + scale / 2);
  }

  return {
    all(now, look, swing) {
      view = look;
      moving.clear();
      const [first, last] = seen(now);
      for (let ordinal = first; ordinal <= last; ordinal++) paintOne(now, ordinal, swing);
    },
    some(now, ranges, swing) {
      const [first, last] = seen(now);
      for (const [from, to] of ranges)
        for (let ordinal = Math.max(first, from); ordinal <= Math.min(last, to); ordinal++)
          paintOne(now, ordinal, swing);
    },
    move(now, swing) {
      for (const ordinal of moving) paintOne(now, ordinal, swing);
    },
    isMoving: () => moving.size > 0,
    moves: (_, ordinal) => moving.has(ordinal),
  };
}
