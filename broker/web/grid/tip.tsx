// What is said of the frame under the pointer: state, time, worker, picture, and why it failed.
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Artifact, Attempt } from "../../contract/attempt.ts";
import type { TaskState } from "../../contract/states.ts";
import { shownFiles } from "../flipbook/pictures.ts";
import { useStore } from "../store.ts";
import { Chip } from "../ui/chip.tsx";
import { useKnownNow } from "../ui/time.tsx";
import { duration, frameWords, nextWords } from "../words.ts";

export interface TipFrame {
  job: number;
  step: string;
  ordinal: number;
  title: string;
  state: TaskState;
  /** From 0; null when it is not begun. */
  percent: number | null;
  status: string | null;
  isSlow: boolean;
}

interface TipProps {
  frame: TipFrame;
  /** Where the light is, px from the left top of the grid. */
  at: { x: number; y: number; side: number };
  width: number;
}

/** Nobody stops on every light that the pointer passes, ms. */
const restMs = 90;
const countEveryMs = 1000;
const tipWidth = 248;
/** From the light, px. */
const gap = 8;
/** The head of the page stands before what lies under it, px. */
const headHeight = 56;

interface Known {
  attempt: Attempt | undefined;
  picture: string | null;
}

/**
 * Under the light; above it where there is no room below, but there. It never covers what is said of the selected frames below
 * the lights: where both have no room it stands under that.
 */
export function FrameTip({ frame, at, width }: TipProps) {
  const { title, state, percent, status, isSlow } = frame;
  const known = useKnown(frame);
  const place = useRef<HTMLDivElement>(null);
  const below = at.y + at.side + gap;
  const above = at.y - gap;
  const [top, setTop] = useState<number | null>(null);
  function measure(): void {
    const box = place.current;
    const grid = box?.offsetParent?.getBoundingClientRect();
    if (!box || !grid) return;
    const bar = box.closest(".panel")?.querySelector(".bulk")?.getBoundingClientRect();
    const bottom = grid.top + below + box.offsetHeight;
    const isInTheWay = bar !== undefined && bottom > bar.top;
    const fitsAbove = grid.top + above - box.offsetHeight > headHeight;
    if (fitsAbove && (isInTheWay || bottom > innerHeight)) setTop(above);
    else setTop(isInTheWay ? bar.bottom - grid.top + gap : null);
  }
  useLayoutEffect(measure);
  const left = Math.max(0, Math.min(width - tipWidth, at.x + at.side / 2 - tipWidth / 2));
  const attempt = known?.attempt;
  const isNext = state === "running" && percent === null;
  const { live } = useStore();
  const now = useKnownNow(live, state === "running" ? countEveryMs : 0);
  const begun = state === "running" && !isNext ? attempt : undefined;
  const since = typeof begun?.startedAt === "string" ? Date.parse(begun.startedAt) : null;
  return (
    <div
      ref={place}
      class={top === above ? "tip is-above" : "tip"}
      role="tooltip"
      style={{ left: `${left}px`, top: `${top ?? below}px` }}
    >
      {typeof known?.picture === "string" && <img src={known.picture} alt="" onLoad={measure} />}
      <div class="tip-line">
        <b>{title}</b>
        <Chip {...(isNext ? nextWords : frameWords[state])} />
      </div>
      {state === "running" && percent !== null && (percent > 0 || status !== null) && (
        <p>
          {percent > 0 && `${Math.round(percent)}% `}
          {status !== null && <span class="faint">{status}</span>}
        </p>
      )}
      {attempt && state !== "ready" && state !== "blocked" && (
        <p class="muted">
          {attempt.seconds !== null && <b>{duration(attempt.seconds)}</b>}
          {since !== null && <b>{duration(Math.max(0, now - since) / 1000)}</b>}
          {since !== null && " so far"} {isNext && "next "}on {attempt.worker}
        </p>
      )}
      {isSlow && <p class="tip-slow">More than ten times slower than the others.</p>}
      {typeof attempt?.reason === "string" && state !== "succeeded" && (
        <p class="is-bad tip-reason">{attempt.reason}</p>
      )}
    </div>
  );
}

function useKnown({ job, step, ordinal, state, percent }: TipFrame): Known | null {
  const { api, addresses } = useStore();
  const [known, setKnown] = useState<{ key: string; value: Known } | null>(null);
  const key = `${job} ${step} ${ordinal} ${state} ${percent === null ? "" : "begun"}`;
  useEffect(() => {
    const stop = new AbortController();
    const look = async () => {
      const query = { step, ordinal, limit: 1 };
      const [tries, files] = await Promise.all([
        api.listAttempts(job, query, stop.signal),
        state === "succeeded"
          ? api.listArtifacts(job, { step, ordinal, kind: "any", state: "current", limit: 40 }, stop.signal)
          : { items: [] as Artifact[] },
      ]);
      const [shown] = shownFiles(files.items);
      const picture = shown ? await addresses.of(shown.small.sha256) : null;
      if (!stop.signal.aborted) setKnown({ key, value: { attempt: tries.items[0], picture } });
    };
    const timer = setTimeout(() => {
      // A tip that knows less is no trouble worth a note.
      look().catch(() => undefined);
    }, restMs);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [key]);
  return known?.key === key ? known.value : null;
}
