// The strip below the flip-book: a column for each frame, its state by colour and by height, the place by a line.
import type { TaskState } from "../../contract/states.ts";

export interface StripFrame {
  state: TaskState;
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
  kind: keyof Omit<StripColors, "head">;
  height: number;
} {
  if (frames.some(({ state, hasPicture }) => state === "failed" && !hasPicture))
    return { kind: "failed", height: 0.55 };
  if (frames.length > 0 && frames.every(({ isReady }) => isReady)) return { kind: "ready", height: 1 };
  if (frames.length > 0 && frames.every(({ hasPicture }) => hasPicture)) return { kind: "here", height: 1 };
  if (frames.some(({ state }) => state === "running")) return { kind: "running", height: 0.55 };
  if (frames.some(({ hasPicture }) => hasPicture)) return { kind: "here", height: 0.7 };
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
    canvas.fillStyle = colors[kind];
    canvas.fillRect(x, height - tall, Math.max(1, width / columns - gap), tall);
  }
  const each = width / count;
  canvas.fillStyle = colors.head;
  canvas.fillRect(Math.min(width - 3, at * each + each / 2 - 1.5), 0, 3, height);
}
