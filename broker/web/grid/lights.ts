// How one light looks: by color and by shape, at every size. Drawn once for each state, then stamped.
import { taskStates, type TaskState } from "../../contract/states.ts";
import { numbersFrom } from "./layout.ts";

/** A frame that a worker holds but has not begun has a look of its own. */
type Look = TaskState | "next";
const lookNames: readonly Look[] = [...taskStates, "next"];
/** Where among the stamps that look is; the others stand in the order of `taskStates`. */
export const nextLook = taskStates.length;

export type LightColors = Record<TaskState | "ground" | "cursor" | "accent" | "number" | "onLight", string>;

/** The colors of now, from the style of an element. */
export function colorsOf(element: Element): LightColors {
  const style = getComputedStyle(element);
  const read = (name: string) => style.getPropertyValue(name).trim();
  return {
    blocked: read("--blocked"),
    ready: read("--waiting"),
    running: read("--running"),
    succeeded: read("--done"),
    failed: read("--failed"),
    canceled: read("--canceled"),
    ground: read("--panel"),
    cursor: read("--text"),
    accent: read("--accent"),
    number: read("--text-soft"),
    onLight: "#06140d",
  };
}

/** Lights from this size on have room for a shape inside, px. */
export const shapesFrom = 8;

/** A row of stamps, one a state in the order of `taskStates` and the one of `nextLook`, each `side` device pixels wide. */
export interface Stamps {
  canvas: HTMLCanvasElement;
  side: number;
}

/** The side of a light in device pixels. */
export const sideOf = (cell: number, scale: number): number => Math.max(1, Math.round(cell * scale));

/** Draws the stamps for lights of `cell` px at `scale` device pixels a px. */
export function createStamps(cell: number, scale: number, colors: LightColors): Stamps {
  const side = sideOf(cell, scale);
  const canvas = document.createElement("canvas");
  canvas.width = side * lookNames.length;
  canvas.height = side;
  const pen = canvas.getContext("2d");
  if (pen)
    for (const [index, name] of lookNames.entries()) {
      pen.save();
      pen.translate(index * side, 0);
      pen.beginPath();
      pen.rect(0, 0, side, side);
      pen.clip();
      if (cell >= shapesFrom) drawShape(pen, name, { cell, scale, side }, colors);
      else drawDot(pen, name, side, colors);
      pen.restore();
    }
  return { canvas, side };
}

/** Small lights: full, a frame, a bar or a dot. */
function drawDot(pen: CanvasRenderingContext2D, state: Look, side: number, colors: LightColors): void {
  pen.fillStyle = colors[state === "next" ? "running" : state];
  const edge = Math.max(1, Math.floor(side / 4));
  if (state === "succeeded" || state === "failed" || state === "running") pen.fillRect(0, 0, side, side);
  if (state === "next") {
    pen.fillRect(0, 0, side, side);
    pen.clearRect(edge, edge, side - 2 * edge, side - 2 * edge);
  }
  if (state === "running") {
    pen.fillStyle = colors.ground;
    pen.fillRect(Math.ceil(side / 2), 0, edge, side);
  }
  if (state === "ready") pen.fillRect(edge, edge, side - 2 * edge, side - 2 * edge);
  if (state === "blocked") pen.fillRect(edge, side - 2 * edge, side - 2 * edge, edge);
  if (state === "canceled") pen.fillRect(0, Math.floor((side - edge) / 2), side, edge);
}

function drawShape(
  pen: CanvasRenderingContext2D,
  state: Look,
  { cell, scale, side }: { cell: number; scale: number; side: number },
  colors: LightColors,
): void {
  const isNumbered = cell >= numbersFrom;
  const corner = Math.min(4 * scale, side / 4);
  const line = Math.max(1, Math.min(1.6 * scale, side / 6));
  const outline = () => {
    pen.beginPath();
    pen.roundRect(line / 2, line / 2, side - line, side - line, Math.max(0, corner - line / 2));
  };
  pen.lineWidth = line;
  pen.strokeStyle = pen.fillStyle = colors[state === "next" ? "running" : state];
  if (state === "succeeded" || state === "failed") {
    pen.beginPath();
    pen.roundRect(0, 0, side, side, corner);
    pen.fill();
  }
  if (state === "failed") drawCross(pen, side, isNumbered, colors);
  if (state === "running") {
    outline();
    pen.stroke();
    pen.globalAlpha = 0.28;
    pen.fill();
  }
  if (state === "next") {
    outline();
    pen.stroke();
    // Its bar stands where it will begin.
    const { left, top, wide, tall } = barOf(side, isNumbered);
    pen.fillRect(left, top, Math.max(1, wide * 0.2), tall);
  }
  if (state === "ready") {
    outline();
    pen.stroke();
  }
  if (state === "blocked") {
    pen.globalAlpha = 0.9;
    pen.setLineDash([line, line * 1.6]);
    outline();
    pen.stroke();
  }
  if (state === "canceled") {
    pen.setLineDash([side / 5, side / 7]);
    outline();
    pen.stroke();
  }
}

/** The mark of a failed light; below the number where there is one. */
function drawCross(
  pen: CanvasRenderingContext2D,
  side: number,
  isNumbered: boolean,
  colors: LightColors,
): void {
  const [middle, arm] = isNumbered ? [side * 0.81, side * 0.09] : [side * 0.5, side * 0.2];
  pen.strokeStyle = colors.ground;
  pen.lineWidth = Math.max(1, isNumbered ? side / 18 : side / 9);
  pen.lineCap = "round";
  pen.beginPath();
  pen.moveTo(side / 2 - arm, middle - arm);
  pen.lineTo(side / 2 + arm, middle + arm);
  pen.moveTo(side / 2 + arm, middle - arm);
  pen.lineTo(side / 2 - arm, middle + arm);
  pen.stroke();
}

/** Where the bar of a running light goes: all of the light, or below its number. */
function barOf(side: number, isNumbered: boolean): { left: number; top: number; wide: number; tall: number } {
  const inset = side >= 16 ? Math.round(side / 7) : Math.max(0, Math.round(side / 9));
  const wide = side - 2 * inset;
  if (!isNumbered) return { left: inset, top: inset, wide, tall: wide };
  const tall = Math.round(side / 9);
  return { left: inset, top: side - inset - tall, wide, tall };
}

/** How far a running light of which nobody knows more has swung, from 0 to 1 and back. */
export const swingAt = (time: number): number => 0.5 - 0.5 * Math.cos((time / 1300) * Math.PI);

/** What moves in a running light: as far as it is, or back and forth (`swing`) where nobody told more than that it is begun. */
export function drawRunning(
  pen: CanvasRenderingContext2D,
  at: { x: number; y: number; side: number; isNumbered: boolean },
  percent: number,
  swing: number,
  colors: LightColors,
): void {
  const { left, top, wide, tall } = barOf(at.side, at.isNumbered);
  const [x, y] = [at.x + left, at.y + top];
  pen.fillStyle = colors.running;
  if (percent > 0) {
    pen.fillRect(x, y, Math.max(1, (wide * Math.min(100, percent)) / 100), tall);
    return;
  }
  const part = Math.max(1, wide * 0.36);
  pen.fillRect(x + (wide - part) * swing, y, part, tall);
}
