// What Chromium's own trace says about a page: when frames were shown, and what was marked before.

/** What must be traced for this, and no more: a trace costs the page time. */
export const traceCategories = ["blink.user_timing", "disabled-by-default-devtools.timeline.frame"];

/** Times are ms of `monotonicMs`. */
export interface Trace {
  marks: { name: string; at: number; sinceNavigation: number }[];
  /** When something new of the page was shown, in order. */
  shown: number[];
  /** When what the page had painted at `at` was shown; undefined when the trace ends before. */
  shownAfter(at: number): number | undefined;
}

interface TraceEvent {
  name: string;
  ph: string;
  ts: number;
  pid: number;
  id2?: { local?: string };
  args: { data?: { startTime?: number }; frame_reporter?: { state?: string } };
}

interface Frame {
  /** When the page handed it on; null where it had nothing new. */
  committed: number | null;
  shown: number | null;
}

/** Reads a trace of one page. Throws an Error where this Chromium does not tell it. */
export function readTrace(json: string): Trace {
  const events = (JSON.parse(json) as { traceEvents: TraceEvent[] }).traceEvents;
  const ownMarks = events.filter(({ ph, args }) => ph === "I" && args.data?.startTime !== undefined);
  const pid = ownMarks[0]?.pid;
  const frames = framesOf(events.filter((event) => event.pid === pid));
  if (pid === undefined || !frames.some(({ shown, committed }) => shown !== null && committed !== null))
    throw new Error("The trace of this Chromium does not say when frames are shown.");
  const committed = frames
    .flatMap((frame) => (frame.committed === null ? [] : { committed: frame.committed, shown: frame.shown }))
    .toSorted((a, b) => a.committed - b.committed);
  // Several that came late are shown together.
  const shown = [...new Set(committed.flatMap((frame) => frame.shown ?? []))].toSorted((a, b) => a - b);
  return {
    marks: ownMarks.map(({ name, ts, args }) => ({
      name,
      at: ts / 1000,
      sinceNavigation: args.data?.startTime ?? 0,
    })),
    shown,
    shownAfter(at) {
      const frame = committed.findLast((one) => one.committed <= at);
      // One that was dropped is seen in the next one that is shown.
      return frame && (frame.shown ?? shown.find((one) => one > frame.committed));
    },
  };
}

/** Each frame is a tree of nested spans under one id; an id may be taken again afterwards. */
function framesOf(events: readonly TraceEvent[]): Frame[] {
  const open = new Map<string, { frame: Frame; isShown: boolean }>();
  const frames: Frame[] = [];
  for (const { name, ph, ts, id2, args } of events.toSorted((a, b) => a.ts - b.ts)) {
    const id = id2?.local;
    if (id === undefined) continue;
    if (name === "PipelineReporter" && ph === "b") {
      const isShown = args.frame_reporter?.state?.startsWith("STATE_PRESENTED") ?? false;
      open.set(id, { frame: { committed: null, shown: null }, isShown });
    }
    const one = open.get(id);
    if (!one || ph !== "e") continue;
    if (name === "Commit") one.frame.committed = ts / 1000;
    if (name !== "PipelineReporter") continue;
    if (one.isShown) one.frame.shown = ts / 1000;
    frames.push(one.frame);
    open.delete(id);
  }
  return frames;
}
