// The strip below the flip-book: a column for each frame, its state by colour and by height, the place by a line.
import type { TaskState } from "../../contract/states.ts";

export interface StripFrame {
  state: TaskState;
  /** It runs by its state, and a worker only holds it yet. */
  isNext: boolean;
  /** There is a picture to show. */
  hasPicture: boolean;
  /** It is decoded: playing will not wait for it. */
  isReady: boolean;
}

export interface StripColors {
  ready: string;
  here: string;
  running: string;
  failed: string;
  waiting: string;
  head: string;
}

/** What one column of the strip shows when it stands for several frames: what needs a look first. */
export function columnOf(frames: readonly StripFrame[]): {
  kind: keyof Omit<StripColors, "head"> | "next";
  height: number;
} {
  if (frames.some(({ state, hasPicture }) => state === "failed" && !hasPicture))
    return { kind: "failed", height: 0.55 };
  if (frames.length > 0 && frames.every(({ isReady }) => isReady)) return { kind: "ready", height: 1 };
  if (frames.length > 0 && frames.every(({ hasPicture }) => hasPicture)) return { kind: "here", height: 1 };
  if (frames.some(({ state, isNext }) => state === "running" && !isNext))
    return { kind: "running", height: 0.55 };
  if (frames.some(({ hasPicture }) => hasPicture)) return { kind: "here", height: 0.7 };
  if (frames.some(({ isNext }) => isNext)) return { kind: "next", height: 0.38 };
  return { kind: "waiting", height: 0.2 };
}

/** Draws the strip; `width` and `height` are of the canvas, in its own pixels. */
export function drawStrip(
  canvas: CanvasRenderingContext2D,
  { width, height }: { width: number; height: number },
  count: number,
  frameAt: (index: number) => StripFrame,
  at: number,
  colors: StripColors,
): void {
  canvas.clearRect(0, 0, width, height);
  if (count === 0) return;
  const columns = Math.min(count, Math.floor(width));
  const gap = width / columns >= 5 ? 1 : 0;
  const line = Math.max(1, Math.round(height / 32));
  for (let column = 0; column < columns; column++) {
    const from = Math.floor((column * count) / columns);
    const to = Math.max(from + 1, Math.floor(((column + 1) * count) / columns));
    // Of very many frames a few stand for a column: the strip is drawn with each picture that is shown.
    const stride = Math.max(1, Math.floor((to - from) / 8));
    const frames: StripFrame[] = [];
    for (let index = from; index < to; index += stride) frames.push(frameAt(index));
    const { kind, height: share } = columnOf(frames);
    const x = (column * width) / columns;
    const tall = Math.max(2, share * height);
    const wide = Math.max(1, width / columns - gap);
    canvas.fillStyle = colors[kind === "next" ? "running" : kind];
    canvas.fillRect(x, height - tall, wide, tall);
    // Hollow as its light is, where there is room: nothing is done of it.
    if (kind === "next" && wide > 3 * line && tall > 3 * line)
      canvas.clearRect(x + line, height - tall + line, wide - 2 * line, tall - 2 * line);
  }
  const each = width / count;
  canvas.fillStyle = colors.head;
  canvas.fillRect(Math.min(width - 3, at * each + each / 2 - 1.5), 0, 3, height);
}
