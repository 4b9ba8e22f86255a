// Runs inside the page that the bench looks at: says which lights of a frame grid have the color of "done", and how
// evenly frames are painted. What it finds is read from the pixels of the canvas, as somebody who looks would.
import { layoutOf, placeOf, wantedHeight, type GridLayout } from "../../broker/web/grid/layout.ts";

declare global {
  interface Window {
    tallyProbe: typeof probe;
  }
}

/** Lights looked at, from the first one that was not done: workers end their frames a little out of order. */
const ahead = 300;

const grid = Promise.withResolvers<void>();
let enough = Promise.withResolvers<void>();

const probe = {
  /** Times between the frames that were painted, ms. */
  gaps: [] as number[],
  /** Tasks that kept the page busy for more than 50 ms. */
  longTasks: [] as number[],
  /** Resolves when there are lights. */
  gridSeen: grid.promise,
  /** Marks from now on each light of a grid of `count` that gets the color of "done". */
  watch(count: number, wanted: number): void {
    watched = { count, wanted };
    firstUndone = 0;
    seen.clear();
    enough = Promise.withResolvers();
  },
  /** Resolves when as many were marked as are wanted; rejects when that does not come to pass in `ms`. */
  allDone(ms: number): Promise<void> {
    const late = () =>
      enough.reject(new Error(`only ${firstUndone + seen.size} lights were seen to be done`));
    setTimeout(late, ms);
    return enough.promise;
  },
  /** Forgets the gaps and long tasks so far. */
  begin(): void {
    this.gaps = [];
    this.longTasks = [];
    performance.mark("begin");
  },
};

let watched: { count: number; wanted: number } | null = null;
let isGridSeen = false;
let firstUndone = 0;
const seen = new Set<number>();
let lastFrame = 0;

/** Behind a frame, when all was painted and handed on: the canvas is as it will be seen. */
const behind = new MessageChannel();
behind.port1.addEventListener("message", look);
behind.port1.start();

function frame(time: number): void {
  if (lastFrame > 0) probe.gaps.push(time - lastFrame);
  lastFrame = time;
  behind.port2.postMessage(null);
  requestAnimationFrame(frame);
}

function look(): void {
  const canvas = document.querySelector<HTMLCanvasElement>(".grid-canvas");
  const pen = canvas?.getContext("2d");
  if (!canvas || !pen) return;
  if (!isGridSeen) {
    // The first light has a color, whatever its state is.
    isGridSeen = canvas.width > 1 && pen.getImageData(0, 0, canvas.width, 24).data.some((byte) => byte > 0);
    if (!isGridSeen) return;
    performance.mark("grid");
    grid.resolve();
  }
  if (watched) markDone(canvas, pen, layoutOf(watched.count, canvas.clientWidth, wantedHeight), watched);
}

function markDone(
  canvas: HTMLCanvasElement,
  pen: CanvasRenderingContext2D,
  layout: GridLayout,
  { count, wanted }: { count: number; wanted: number },
): void {
  const last = Math.min(count, firstUndone + ahead) - 1;
  const top = Math.max(0, placeOf(layout, firstUndone).y);
  const height = Math.min(canvas.height, placeOf(layout, last).y + layout.pitch) - top;
  if (height <= 0) return;
  const { data, width } = pen.getImageData(0, top, canvas.width, height);
  const [red, green, blue] = doneColor(canvas);
  const found: number[] = [];
  for (let ordinal = firstUndone; ordinal <= last; ordinal++) {
    if (seen.has(ordinal)) continue;
    const { x, y } = placeOf(layout, ordinal);
    // Off the middle, where large lights have their number.
    const at = ((y - top + (layout.cell >> 2)) * width + x + (layout.cell >> 2)) * 4;
    if (data[at] !== red || data[at + 1] !== green || data[at + 2] !== blue) continue;
    seen.add(ordinal);
    found.push(ordinal);
  }
  while (seen.delete(firstUndone)) firstUndone += 1;
  if (found.length > 0) performance.mark(`done ${found.join(" ")}`);
  performance.clearMarks();
  if (firstUndone + seen.size >= wanted) enough.resolve();
}

function doneColor(canvas: HTMLCanvasElement): readonly number[] {
  if (knownColor) return knownColor;
  const pen = new OffscreenCanvas(1, 1).getContext("2d");
  if (!pen) throw new Error("no canvas to read a color with");
  pen.fillStyle = getComputedStyle(canvas).getPropertyValue("--done").trim();
  pen.fillRect(0, 0, 1, 1);
  return (knownColor = [...pen.getImageData(0, 0, 1, 1).data]);
}
let knownColor: readonly number[] | undefined;

window.tallyProbe = probe;
performance.mark("probe");
requestAnimationFrame(frame);
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) probe.longTasks.push(duration);
}).observe({ type: "longtask" });
