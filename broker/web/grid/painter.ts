// Paints the part of a frame grid that is seen: everything after a jump, else only the lights that changed.
import { createDots } from "./dots.ts";
import { ordinalAt, placeOf, type GridLayout } from "./layout.ts";
import { colorsOf, shapesFrom, swingAt } from "./lights.ts";
import { seenRows, type Brush, type GridLook, type GridScene, type GridView, type Range } from "./scene.ts";
import { createShapes } from "./shapes.ts";

export interface Painter {
  /** What is seen: the scroll offset and the size, px. */
  look(top: number, width: number, height: number): void;
  /** Everything must be painted anew: another layout, theme or selection. */
  all(): void;
  /** These frames changed. Called while a frame of the screen is made, they are part of it. */
  changed(ranges: readonly Range[]): void;
  /** It was told how far these frames are, or that they are begun. */
  progressed(ordinals: readonly number[]): void;
  /** Nobody knows how it goes on: what moves stands still. */
  hold(isHeld: boolean): void;
  close(): void;
}

/** From one number at the side to the next at least, px. */
const numberHeight = 16;
/** So often what runs moves, ms. */
const moveEveryMs = 50;

/** Paints into `canvas` what `scene` says now, in step with the screen. */
export function createPainter(canvas: HTMLCanvasElement, scene: () => GridScene): Painter {
  const pen = canvas.getContext("2d");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  let view: GridView = { top: 0, width: 0, height: 0 };
  let isAll = true;
  let brush: Brush | undefined;
  let brushFor = "";
  let request = 0;
  let movedAt = 0;
  let isHeld = false;

  function plan(): void {
    if (request === 0) request = requestAnimationFrame(paint);
  }

  const swing = (time: number) => (still.matches ? 0.5 : swingAt(time));

  function paint(time: number): void {
    request = 0;
    if (!pen || view.width === 0 || view.height === 0) return;
    if (isAll) paintAll(pen, scene(), time);
    else if (time - movedAt >= moveEveryMs) {
      movedAt = time;
      brush?.move(scene(), swing(time));
    }
    if (brush?.isMoving() && !still.matches && !isHeld) plan();
  }

  function paintAll(p: CanvasRenderingContext2D, now: GridScene, time: number): void {
    isAll = false;
    const scale = devicePixelRatio;
    const width = Math.round(view.width * scale);
    const height = Math.round(view.height * scale);
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    const colors = colorsOf(canvas);
    const { cell } = now.layout;
    const look = { cell, scale, colors };
    const key = JSON.stringify([look, width, height]);
    if (!brush || key !== brushFor) brush = cell < shapesFrom ? createDots(p, look) : createShapes(p, look);
    brushFor = key;
    p.clearRect(0, 0, width, height);
    brush.all(now, view, swing(time));
    if (now.layout.gutter > 0) paintNumbers(p, now, look);
  }

  function paintNumbers(
    p: CanvasRenderingContext2D,
    now: GridScene,
    { cell, scale, colors }: GridLook,
  ): void {
    const { pitch, columns, gutter } = now.layout;
    // As many as do not touch.
    const every = Math.max(1, Math.ceil(numberHeight / pitch));
    p.font = `${11 * scale}px system-ui, sans-serif`;
    p.textAlign = "right";
    p.textBaseline = "middle";
    p.fillStyle = colors.number;
    const [first, last] = seenRows(now, view);
    for (let row = first; row <= last; row++) {
      if (row % every !== 0) continue;
      const middle = placeOf(now.layout, row * columns).y + cell / 2;
      // The first one must not be cut at the edge, nor touch the next.
      if (row > 0 && middle < 7 + numberHeight) continue;
      const y = Math.max(7, middle) - view.top;
      p.fillText(now.nameOf(row * columns), (gutter - 10) * scale, y * scale);
    }
  }

  function all(): void {
    isAll = true;
    plan();
  }

  still.addEventListener("change", all);
  return {
    look(top, width, height) {
      if (top === view.top && width === view.width && height === view.height) return;
      view = { top, width, height };
      all();
    },
    all,
    changed(ranges) {
      if (!isAll) brush?.some(scene(), ranges, swing(performance.now()));
      plan();
    },
    progressed(ordinals) {
      if (!isAll && brush) {
        const now = scene();
        // What moves is painted so often anyhow; of very many frames few are begun in a moment.
        const still = ordinals.filter((ordinal) => brush?.moves(now, ordinal) !== true);
        if (still.length > 0)
          brush.some(
            now,
            still.map((ordinal) => [ordinal, ordinal]),
            swing(performance.now()),
          );
      }
      plan();
    },
    hold(next) {
      if (next === isHeld) return;
      isHeld = next;
      plan();
    },
    close() {
      cancelAnimationFrame(request);
      still.removeEventListener("change", all);
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
