// Paints the part of a frame grid that is seen: everything after a jump, else only the lights that changed.
import { taskStates } from "../../contract/states.ts";
import { numbersFrom, ordinalAt, placeOf, type GridLayout } from "./layout.ts";
import { colorsOf, createStamps, drawRunning, shapesFrom, type LightColors, type Stamps } from "./lights.ts";

/** What the painter looks at while it paints. */
export interface GridScene {
  layout: GridLayout;
  /** A byte a frame: an index into `taskStates`. */
  states: Uint8Array;
  /** The name of a frame, for the numbers. */
  nameOf: (ordinal: number) => string;
  percentOf: (ordinal: number) => number | null;
  isChosen: (ordinal: number) => boolean;
  isSlow: (ordinal: number) => boolean;
  /** Where the keyboard is, or null. */
  cursor: number | null;
}

export interface Painter {
  /** What is seen: the scroll offset and the size, px. */
  look(top: number, width: number, height: number): void;
  /** Everything must be painted anew: another layout, theme or selection. */
  all(): void;
  /** These frames changed. */
  changed(first: number, last: number): void;
  close(): void;
}

const running = taskStates.indexOf("running");
const failedState = taskStates.indexOf("failed");
/** From one number at the side to the next at least, px. */
const numberHeight = 16;
/** More changes than this at once, and all that is seen is painted. */
const manyChanges = 4000;
/** So often what runs moves, ms. */
const moveEveryMs = 50;

/** Paints into `canvas` what `scene` says now, in step with the screen. */
export function createPainter(canvas: HTMLCanvasElement, scene: () => GridScene): Painter {
  const pen = canvas.getContext("2d");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let view = { top: 0, width: 0, height: 0 };
  let isAll = true;
  let dirty: [number, number][] = [];
  let dirtyCount = 0;
  let colors: LightColors | undefined;
  let stamps: Stamps | undefined;
  let stampsFor = "";
  let moving = new Set<number>();
  let request = 0;
  let movedAt = 0;

  function plan(): void {
    if (request === 0) request = requestAnimationFrame(paint);
  }

  function paint(time: number): void {
    request = 0;
    if (!pen || view.width === 0 || view.height === 0) return;
    const now = scene();
    if (isAll || dirtyCount > manyChanges) paintAll(pen, now, time);
    else for (const [first, last] of dirty) paintRange(pen, now, first, last, time);
    isAll = false;
    dirty = [];
    dirtyCount = 0;
    if (moving.size === 0) return;
    if (!still.matches) {
      if (time - movedAt >= moveEveryMs) {
        movedAt = time;
        for (const ordinal of moving) paintOne(pen, now, ordinal, time);
      }
      plan();
    }
  }

  function seen({ layout, states }: GridScene): [number, number] {
    // A row more at each end: lights and their rings begin a little outside.
    const from = Math.max(0, Math.floor(view.top / layout.pitch) - 1) * layout.columns;
    const to = Math.ceil((view.top + view.height) / layout.pitch) * layout.columns;
    return [from, Math.min(states.length, to) - 1];
  }

  function paintAll(p: CanvasRenderingContext2D, now: GridScene, time: number): void {
    const scale = devicePixelRatio;
    const width = Math.round(view.width * scale);
    const height = Math.round(view.height * scale);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    colors = colorsOf(canvas);
    const key = `${now.layout.cell} ${scale} ${Object.values(colors).join(" ")}`;
    if (key !== stampsFor) stamps = createStamps(now.layout.cell, scale, colors);
    stampsFor = key;
    p.clearRect(0, 0, width, height);
    moving = new Set();
    const [first, last] = seen(now);
    for (let ordinal = first; ordinal <= last; ordinal++) paintOne(p, now, ordinal, time, false);
    if (now.layout.gutter > 0) paintNumbers(p, now, first, last, scale);
  }

  function paintRange(
    p: CanvasRenderingContext2D,
    now: GridScene,
    first: number,
    last: number,
    time: number,
  ): void {
    const [from, to] = seen(now);
    for (let ordinal = Math.max(first, from); ordinal <= Math.min(last, to); ordinal++)
      paintOne(p, now, ordinal, time);
  }

  function paintOne(
    p: CanvasRenderingContext2D,
    now: GridScene,
    ordinal: number,
    time: number,
    clear = true,
  ): void {
    if (!stamps || !colors) return;
    const { layout, states } = now;
    const scale = devicePixelRatio;
    const place = placeOf(layout, ordinal);
    const x = Math.round(place.x * scale);
    const y = Math.round((place.y - view.top) * scale);
    const { side } = stamps;
    const room = Math.round((layout.pitch - layout.cell) * scale);
    // Rings around a light lie in the gap before and behind it.
    if (clear) p.clearRect(x - room, y - room, side + 2 * room, side + 2 * room);
    const state = states[ordinal] ?? 0;
    p.drawImage(stamps.canvas, state * side, 0, side, side, x, y, side, side);
    // Among very many small ones a failed light must be found: it is larger than the others.
    if (state === failedState && layout.cell < shapesFrom) {
      p.fillStyle = colors.failed;
      p.fillRect(x - room, y - room, side + 2 * room, side + 2 * room);
    }
    if (state === running) {
      moving.add(ordinal);
      drawRunning(p, { x, y, side }, now.percentOf(ordinal), still.matches ? 650 : time, colors);
    } else moving.delete(ordinal);
    if (layout.cell >= numbersFrom) paintName(p, now, ordinal, x, y, side, scale);
    if (now.isSlow(ordinal)) paintSlow(p, x, y, side);
    if (now.isChosen(ordinal)) ring(p, x, y, side, scale, room, colors.accent);
    if (now.cursor === ordinal) ring(p, x, y, side, scale, room, colors.cursor);
  }

  function ring(
    p: CanvasRenderingContext2D,
    x: number,
    y: number,
    side: number,
    scale: number,
    room: number,
    color: string,
  ): void {
    const line = Math.max(1, Math.min(2 * scale, room / 2));
    p.strokeStyle = color;
    p.lineWidth = line;
    p.strokeRect(x - line / 2, y - line / 2, side + line, side + line);
  }

  /** A frame far slower than the others: a corner turned down. */
  function paintSlow(p: CanvasRenderingContext2D, x: number, y: number, side: number): void {
    const size = Math.max(2, side * 0.42);
    p.fillStyle = colors?.cursor ?? "";
    p.beginPath();
    p.moveTo(x + side - size, y);
    p.lineTo(x + side, y);
    p.lineTo(x + side, y + size);
    p.fill();
  }

  function paintName(
    p: CanvasRenderingContext2D,
    now: GridScene,
    ordinal: number,
    x: number,
    y: number,
    side: number,
    scale: number,
  ): void {
    const state = taskStates[now.states[ordinal] ?? 0] ?? "ready";
    // A cross or a moving bar needs the room; its number is said on hover.
    if (state === "failed" || state === "running") return;
    const name = now.nameOf(ordinal);
    if (name.length > 5) return;
    const size = Math.min(13, now.layout.cell / (name.length > 3 ? 3.4 : 2.8));
    p.font = `600 ${size * scale}px system-ui, sans-serif`;
    p.textAlign = "center";
    p.textBaseline = "middle";
    p.fillStyle = (state === "succeeded" ? colors?.onLight : colors?.number) ?? "";
    p.fillText(name, x + side / 2, y + side / 2 + scale / 2);
  }

  function paintNumbers(
    p: CanvasRenderingContext2D,
    now: GridScene,
    first: number,
    last: number,
    scale: number,
  ): void {
    const { pitch, columns, cell, gutter } = now.layout;
    // As many as do not touch.
    const every = Math.max(1, Math.ceil(numberHeight / pitch));
    p.font = `${11 * scale}px system-ui, sans-serif`;
    p.textAlign = "right";
    p.textBaseline = "middle";
    p.fillStyle = colors?.number ?? "";
    for (let row = Math.floor(first / columns); row * columns <= last; row++) {
      if (row % every !== 0) continue;
      const middle = placeOf(now.layout, row * columns).y + cell / 2;
      // The first one must not be cut at the edge, nor touch the next.
      if (row > 0 && middle < 7 + numberHeight) continue;
      const y = Math.max(7, middle) - view.top;
      p.fillText(now.nameOf(row * columns), (gutter - 10) * scale, y * scale);
    }
  }

  const onTheme = () => {
    isAll = true;
    plan();
  };
  still.addEventListener("change", onTheme);
  return {
    look(top, width, height) {
      if (top === view.top && width === view.width && height === view.height) return;
      view = { top, width, height };
      isAll = true;
      plan();
    },
    all() {
      isAll = true;
      plan();
    },
    changed(first, last) {
      dirty.push([first, last]);
      dirtyCount += last - first + 1;
      plan();
    },
    close() {
      cancelAnimationFrame(request);
      still.removeEventListener("change", onTheme);
    },
  };
}

/** The frame under a point of the window, or null. */
export function frameUnder(
  canvas: HTMLCanvasElement,
  layout: GridLayout,
  count: number,
  top: number,
  point: { clientX: number; clientY: number },
): number | null {
  const box = canvas.getBoundingClientRect();
  return ordinalAt(layout, count, point.clientX - box.left, point.clientY - box.top + top);
}
