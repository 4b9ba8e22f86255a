// The frame grid of one step: a light a frame, painted on a canvas; pointer, keyboard, selection and what is read out.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { progressKey } from "../../contract/feed-store.ts";
import { frameNames, frameTitle } from "../../contract/frame-names.ts";
import { taskStates, type TaskState } from "../../contract/states.ts";
import type { Live } from "../live.ts";
import { framePath, navigate } from "../router.tsx";
import { onThemeChange } from "../theme.ts";
import { frameWords, nextWords } from "../words.ts";
import { layoutOf, moved, placeOf, wantedHeight } from "./layout.ts";
import { createPainter, frameUnder, type Painter } from "./painter.ts";
import type { Range } from "./scene.ts";
import { extended, nobody, toggled, type Selection } from "./selection.ts";
import { FrameTip } from "./tip.tsx";

export interface FrameGridProps {
  job: number;
  step: string;
  live: Live;
  selection: Selection;
  /** Null: frames are only opened. */
  onSelect: ((selection: Selection) => void) | null;
  /** Frames that take far longer than the others. */
  slow: ReadonlySet<number>;
}

/** A grid taller than this scrolls by itself, px. */
const mostHeight = 520;
/** The pointer must move so far before a press becomes a selection of several, px. */
const dragFrom = 6;
const noStates = new Uint8Array();

/** The grid. Click or Enter opens a frame; Ctrl, Shift, Space or dragging choose several. */
export function FrameGrid({ job, step, live, selection, onSelect, slow }: FrameGridProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<Painter | null>(null);
  const [width, setWidth] = useState(0);
  const [hover, setHover] = useState<number | null>(null);
  const [cursor, setCursor] = useState<number | null>(null);
  const [top, setTop] = useState(0);
  const [, heard] = useState(0);
  const drag = useRef<{ from: number; x: number; y: number; before: Selection; isWide: boolean } | null>(
    null,
  );
  const anchor = useRef(0);

  const view = live.client.store.steps.get(job)?.get(step);
  const states = view?.states ?? noStates;
  const frames = view?.frames ?? null;
  const count = states.length;
  const layout = useMemo(() => layoutOf(count, width, wantedHeight), [count, width]);
  const height = Math.min(layout.height, mostHeight);
  const nameOf = frameNames(frames);
  const progressOf = (ordinal: number) => live.client.store.progress.get(progressKey(job, step, ordinal));

  // The painter asks for the scene of now whenever it paints.
  const scene = useRef({ layout, nameOf, selection, slow, cursor });
  scene.current = { layout, nameOf, selection, slow, cursor };

  useEffect(() => {
    if (!canvas.current) return undefined;
    const own = createPainter(canvas.current, () => ({
      layout: scene.current.layout,
      states: live.client.store.steps.get(job)?.get(step)?.states ?? noStates,
      nameOf: scene.current.nameOf,
      percentOf: (ordinal) => progressOf(ordinal)?.percent ?? null,
      isChosen: (ordinal) => scene.current.selection.has(ordinal),
      isSlow: (ordinal) => scene.current.slow.has(ordinal),
      cursor: scene.current.cursor,
    }));
    painter.current = own;
    own.hold(live.client.state === "away");
    const stops = [
      onThemeChange(() => own.all()),
      live.listen((messages) => {
        own.hold(live.client.state === "away");
        const ranges: Range[] = [];
        const told: number[] = [];
        for (const message of messages) {
          if (message.type === "snapshot") {
            own.all();
            heard((n) => n + 1);
          }
          if (message.type === "progress")
            for (const task of message.tasks)
              if (task.jobNumber === job && task.step === step) told.push(task.ordinal);
          if (message.type !== "events") continue;
          for (const { kind, step: of, first, last } of message.events)
            if (kind === "task.changed" && of === step && first !== null) ranges.push([first, last ?? first]);
        }
        if (ranges.length > 0) own.changed(ranges);
        if (told.length > 0) own.progressed(told);
      }),
    ];
    return () => {
      for (const stop of stops) stop();
      own.close();
    };
  }, [live, job, step]);

  useEffect(() => {
    const place = scroller.current;
    if (!place) return undefined;
    const watch = new ResizeObserver(() => setWidth(place.clientWidth));
    watch.observe(place);
    setWidth(place.clientWidth);
    return () => watch.disconnect();
  }, []);
  useEffect(() => painter.current?.look(top, width, height), [top, width, height]);
  useEffect(() => painter.current?.all(), [layout, selection, slow, cursor]);

  const at = (event: { clientX: number; clientY: number }) =>
    canvas.current
      ? frameUnder(canvas.current, layout, count, scroller.current?.scrollTop ?? 0, event)
      : null;
  const open = (ordinal: number) => navigate(framePath(job, step, ordinal));

  function onPointerDown(event: PointerEvent): void {
    const ordinal = at(event);
    if (ordinal === null || event.button !== 0 || event.pointerType === "touch") return;
    drag.current = { from: ordinal, x: event.clientX, y: event.clientY, before: selection, isWide: false };
    canvas.current?.setPointerCapture(event.pointerId);
  }

  function onPointerMove(event: PointerEvent): void {
    const ordinal = at(event);
    setHover(ordinal);
    // A press with Ctrl on a Mac, or one that the system took over, is never followed by a click.
    if (event.buttons === 0) drag.current = null;
    const held = drag.current;
    if (!held) return;
    held.isWide ||=
      Math.hypot(event.clientX - held.x, event.clientY - held.y) > dragFrom && ordinal !== held.from;
    if (held.isWide && ordinal !== null)
      onSelect?.(extended(event.shiftKey || event.ctrlKey ? held.before : nobody, held.from, ordinal));
  }

  function onClick(event: MouseEvent): void {
    const held = drag.current;
    drag.current = null;
    const ordinal = at(event);
    if (ordinal === null || held?.isWide === true) return;
    if (!onSelect) open(ordinal);
    else if (event.shiftKey) onSelect(extended(selection, anchor.current, ordinal));
    else if (event.ctrlKey || event.metaKey || selection.size > 0) onSelect(toggled(selection, ordinal));
    else open(ordinal);
    anchor.current = ordinal;
  }

  function onKeyDown(event: KeyboardEvent): void {
    const here = cursor ?? 0;
    const page = Math.max(1, Math.floor(height / layout.pitch) - 1);
    // With these the browser finds, goes back, or to another tab.
    const isOwn = !event.altKey && !event.ctrlKey && !event.metaKey;
    const next = event.key === "f" ? nextFailed(states, here) : moved(layout, count, here, event.key, page);
    const to = isOwn ? next : null;
    if (to !== null) {
      if (event.shiftKey) onSelect?.(extended(selection, here, to));
      setCursor(to);
      setHover(to);
      reveal(to);
    } else if (event.key === "Enter") open(here);
    else if (!onSelect) return;
    else if (event.key === " ") onSelect(toggled(selection, here));
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) onSelect(extended(nobody, 0, count - 1));
    else if (event.key === "Escape" && selection.size > 0) onSelect(nobody);
    else return;
    anchor.current = to ?? here;
    event.preventDefault();
  }

  function reveal(ordinal: number): void {
    const place = scroller.current;
    if (!place) return;
    const { y } = placeOf(layout, ordinal);
    if (y < place.scrollTop) place.scrollTop = y;
    else if (y + layout.pitch > place.scrollTop + height) place.scrollTop = y + layout.pitch - height;
  }

  const stateAt = (ordinal: number): TaskState => taskStates[states[ordinal] ?? 1] ?? "ready";
  const wordsAt = (ordinal: number) =>
    stateAt(ordinal) === "running" && !progressOf(ordinal) ? nextWords : frameWords[stateAt(ordinal)];
  const spoken = cursor === null || cursor >= count ? null : cursor;
  const shown = hover !== null && hover < count ? hover : null;
  return (
    <div class="grid">
      <div
        ref={scroller}
        class="grid-scroll"
        style={{ maxHeight: `${mostHeight}px` }}
        onScroll={(event) => setTop(event.currentTarget.scrollTop)}
        tabIndex={0}
        role="listbox"
        aria-multiselectable={onSelect !== null}
        aria-label={`Frames of ${step}. Arrow keys move, Enter opens,${onSelect ? " Space selects," : ""} F goes to the next failed one.`}
        aria-activedescendant={spoken === null ? undefined : `light-${step}`}
        onFocus={() => {
          // By the keyboard, not by a click on a light.
          if (cursor === null && drag.current === null) setCursor(0);
        }}
        onBlur={() => {
          setCursor(null);
          setHover(null);
        }}
        onKeyDown={onKeyDown}
      >
        <div class="grid-all" style={{ height: `${layout.height}px` }}>
          <canvas
            ref={canvas}
            class={shown === null ? "grid-canvas" : "grid-canvas is-over"}
            style={{ width: `${width}px`, height: `${height}px` }}
            onPointerDown={onPointerDown}
            onPointerMove={onPointerMove}
            onPointerLeave={() => setHover(null)}
            onClick={onClick}
          />
        </div>
        {spoken !== null && (
          <span class="hidden" role="option" id={`light-${step}`} aria-selected={selection.has(spoken)}>
            {frameTitle(step, frames, spoken, count)}, {wordsAt(spoken).word}
          </span>
        )}
      </div>
      {shown !== null && drag.current?.isWide !== true && (
        <FrameTip
          frame={{
            job,
            step,
            ordinal: shown,
            title: frameTitle(step, frames, shown, count),
            state: stateAt(shown),
            percent: progressOf(shown)?.percent ?? null,
            status: progressOf(shown)?.status ?? null,
            isSlow: slow.has(shown),
          }}
          at={{ ...offset(placeOf(layout, shown), top), side: layout.cell }}
          width={width}
        />
      )}
    </div>
  );
}

const offset = ({ x, y }: { x: number; y: number }, top: number) => ({ x, y: y - top });

/** The next failed frame behind one, from the start again; null when none failed. */
function nextFailed(states: Uint8Array, from: number): number | null {
  const failed = taskStates.indexOf("failed");
  const behind = states.indexOf(failed, from + 1);
  const found = behind >= 0 ? behind : states.indexOf(failed);
  return found >= 0 ? found : null;
}
