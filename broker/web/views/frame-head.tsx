// The head of a frame: which one it is, its state, how far it is, its neighbours, and rendering it again.
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { TaskProgress } from "../../contract/feed.ts";
import { stateWords } from "../../contract/state-words.ts";
import type { TaskState } from "../../contract/states.ts";
import { useMe } from "../me.ts";
import { framePath, navigate } from "../router.tsx";
import { useStore } from "../store.ts";
import { Chip } from "../ui/chip.tsx";
import { Crumbs } from "../ui/crumbs.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { useLostFocus } from "../ui/lost-focus.ts";
import { duration, frameWords, nextWords } from "../words.ts";

interface FrameHeadProps {
  job: number;
  step: string;
  ordinal: number;
  /** What the frame is called. */
  title: string;
  /** Of the job; null until it is known. */
  name: string | null;
  owner: string | null;
  state: TaskState;
  /** Of its try that counts; null until it is known, and where there is none. */
  seconds: number | null;
  worker: string | null;
  /** Frames of its step. */
  total: number | null;
  progress: TaskProgress | null;
  /** A worker holds it, and has not begun it. */
  isNext: boolean;
}

/** The head of the view. */
export function FrameHead(props: FrameHeadProps) {
  const { job, step, ordinal, title, name, owner, state, seconds, worker, total, progress, isNext } = props;
  const me = useMe();
  // In the words of its try.
  const { word, mark } = isNext ? { ...nextWords, word: stateWords.leased } : frameWords[state];
  const before = ordinal > 0 ? framePath(job, step, ordinal - 1) : null;
  const after = total !== null && ordinal + 1 < total ? framePath(job, step, ordinal + 1) : null;
  // With the drawing itself, not behind it: a key that is pressed as soon as the next frame is seen counts from that one.
  useLayoutEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.altKey || event.ctrlKey || event.metaKey || isTyping(event.target)) return;
      const path = event.key === "ArrowLeft" ? before : event.key === "ArrowRight" ? after : null;
      if (path !== null) navigate(path, "replace");
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, [before, after]);
  const actions = useRef<HTMLDivElement>(null);
  useEffect(() => {
    document.title = `${title} ${word}, ${name ?? `job ${job}`} – Tally`;
  });
  return (
    <header class="frame-head">
      <Crumbs job={job} name={name} part={step} />
      <div class="frame-line">
        <h1>{title}</h1>
        <Chip word={word} mark={mark} />
        <span class="frame-facts">
          {state === "succeeded" && seconds !== null && duration(seconds)}
          {worker !== null && state !== "ready" && state !== "blocked" && (
            <>
              {state === "succeeded" && seconds !== null ? " on " : ""}
              {worker}
            </>
          )}
        </span>
        <div class="frame-actions" ref={actions} tabIndex={-1}>
          {owner !== null && me.may("requeueTasks", { owner }) && (
            <Requeue
              key={`${step} ${ordinal}`}
              job={job}
              step={step}
              ordinal={ordinal}
              title={title}
              state={state}
              place={actions}
            />
          )}
          <span class="stepper">
            <Step path={before} label="Frame before" glyph="‹" />
            <Step path={after} label="Frame after" glyph="›" />
          </span>
        </div>
      </div>
      {progress !== null && (
        <div class="frame-progress">
          <progress
            class="thin"
            max={100}
            {...(progress.percent > 0 && { value: progress.percent })}
            aria-label={`${title} is rendering`}
          />
          {progress.percent > 0 && <span>{Math.round(progress.percent)}%</span>}
          {progress.status !== null && <span class="muted">{progress.status}</span>}
        </div>
      )}
    </header>
  );
}

function Step({ path, label, glyph }: { path: string | null; label: string; glyph: string }) {
  return (
    <button
      type="button"
      class="button is-icon"
      aria-label={label}
      disabled={path === null}
      onClick={() => path !== null && navigate(path, "replace")}
    >
      {glyph}
    </button>
  );
}

interface RequeueProps extends Pick<FrameHeadProps, "job" | "step" | "ordinal" | "title" | "state"> {
  /** Where the focus goes when the button does. */
  place: RefObject<HTMLElement | null>;
}

/** Renders a frame again; of one that is done, asks first: its result will be replaced. */
function Requeue({ job, step, ordinal, title, state, place }: RequeueProps) {
  const store = useStore();
  const [asking, setAsking] = useState(false);
  const [busy, setBusy] = useState(false);
  const isOver = state === "succeeded" || state === "failed" || state === "canceled";
  // The news that it waits may come before the answer to what was asked: the question goes with the button, for good.
  useEffect(() => {
    if (!isOver) setAsking(false);
  }, [isOver]);
  useLostFocus(place, isOver);
  if (!isOver) return null;
  async function requeue(): Promise<boolean> {
    if (busy) return false;
    setBusy(true);
    const isDone = await store.act(
      () => store.api.requeue(job, { step, ordinals: [ordinal] }),
      `${title} renders again.`,
    );
    setBusy(false);
    return isDone;
  }
  return (
    <>
      <button
        type="button"
        class={state === "failed" ? "button is-primary" : "button"}
        aria-disabled={busy}
        onClick={() => (state === "succeeded" ? setAsking(true) : void requeue())}
      >
        <Icon name="again" />
        Render again
      </button>
      {asking && (
        <Dialog
          title={`Render ${title.replace(/^Frame /, "frame ")} again?`}
          action="Render again"
          back="Keep it"
          onDo={requeue}
          onClose={() => setAsking(false)}
        >
          <p>
            What it made is replaced as soon as the new try is done. Steps that need it wait, and run again
            too.
          </p>
        </Dialog>
      )}
    </>
  );
}

/** What has its own use for the arrows. */
const ownKeys = "input, textarea, select, dialog, [role=menu], .log-body, .flip, .shot-view.is-large";

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest(ownKeys) !== null;
}
