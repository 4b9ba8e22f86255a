// The frames of one step: its grid, the legend with counts, and what can be done with the chosen ones.
import { useEffect, useRef, useState } from "preact/hooks";
import type { NameOf } from "../../contract/frame-names.ts";
import type { Job, Step, TaskCounts } from "../../contract/job.ts";
import { taskStates } from "../../contract/states.ts";
import type { StepTimings } from "../../contract/timings.ts";
import { FrameGrid } from "../grid/grid.tsx";
import { nobody, selectionText, type Selection } from "../grid/selection.ts";
import type { Live } from "../live.ts";
import { useMe } from "../me.ts";
import { framePath, navigate } from "../router.tsx";
import { useStore } from "../store.ts";
import { StateMark } from "../ui/chip.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { useLostFocus } from "../ui/lost-focus.ts";
import { counted, frameWords, nextWords } from "../words.ts";
import { useSlow } from "./use-timings.ts";

interface FramesPanelProps {
  job: Pick<Job, "number" | "owner">;
  step: Step;
  isOnly: boolean;
  live: Live;
  times: StepTimings;
  /** Frames that are begun, of those that run. */
  begun: number;
  nameOf: NameOf;
  now: number;
}

/** The panel of one step. */
export function FramesPanel({ job: { number: job, owner }, ...props }: FramesPanelProps) {
  const { step, isOnly, live, times, begun, nameOf, now } = props;
  const { api, act, notes } = useStore();
  const me = useMe();
  const canSelect = me.may("requeueTasks", { owner });
  const [selection, setSelection] = useState<Selection>(nobody);
  /** What is asked about, as it was when the question came up: what ends meanwhile is no part of it. */
  const [asking, setAsking] = useState<Chosen | null>(null);
  const slow = useSlow(times, now);
  const { name, counts, taskCount } = step;
  useEffect(() => setSelection(nobody), [job, name]);
  const panel = useRef<HTMLElement>(null);
  useLostFocus(panel, selection.size > 0 || asking !== null);

  const states = live.client.store.steps.get(job)?.get(name)?.states;
  function requeueChosen(): void {
    const chosen = chosenOf(selection, states);
    if (chosen.done > 0) setAsking(chosen);
    // Where none is over the broker says why nothing is done.
    else void requeue(chosen.over.length > 0 ? chosen.over : chosen.all);
  }
  const requeue = (ordinals: readonly number[]) =>
    act(async () => {
      const { requeued } = await api.requeue(job, { step: name, ordinals: [...ordinals] });
      notes.say(`${counted(requeued, "frame")} asked for again.`);
      setSelection(nobody);
    });

  return (
    <section class="panel" ref={panel} tabIndex={-1} aria-label={isOnly ? "Frames" : `Frames of ${name}`}>
      <div class="panel-head">
        <h2>{isOnly ? "Frames" : name}</h2>
        {slow.size > 0 && (
          <button
            type="button"
            class="tag is-warning slow-tag"
            title="More than ten times slower than the usual frame"
            onClick={() => {
              const [first] = slow;
              if (first !== undefined) navigate(framePath(job, name, first));
            }}
          >
            <Icon name="slow" />
            {slow.size === 1
              ? `frame ${nameOf([...slow][0] ?? 0)} is`
              : `${counted(slow.size, "frame")} are`}{" "}
            far slower
          </button>
        )}
        <span class="muted">{counted(taskCount, "frame")}</span>
      </div>
      <FrameGrid
        job={job}
        step={name}
        live={live}
        selection={selection}
        onSelect={canSelect ? setSelection : null}
        slow={slow}
      />
      {/* Below the lights: they must not move under the pointer that chooses them. */}
      {selection.size > 0 ? (
        <div class="bulk is-inside" role="toolbar" aria-label="Selected frames">
          <b>
            {counted(selection.size, "frame")} selected{" "}
            <span class="muted">{selectionText(selection, nameOf)}</span>
          </b>
          <button type="button" class="button is-small" onClick={requeueChosen}>
            <Icon name="again" /> Requeue
          </button>
          <button type="button" class="button is-small is-quiet" onClick={() => setSelection(nobody)}>
            Clear
          </button>
        </div>
      ) : (
        <Legend counts={counts} begun={begun} canSelect={canSelect} />
      )}
      {asking !== null && (
        <Dialog
          title={`Render ${counted(asking.over.length, "frame")} again?`}
          action="Render again"
          onDo={() => requeue(asking.over)}
          onClose={() => setAsking(null)}
        >
          <p>{askedWords(asking)}</p>
        </Dialog>
      )}
    </section>
  );
}

/** Frames that were selected, in their order. */
interface Chosen {
  all: readonly number[];
  /** Those that can be rendered again. */
  over: readonly number[];
  /** So many of them are done. */
  done: number;
}

function chosenOf(selection: Selection, states: Uint8Array | undefined): Chosen {
  const stateOf = (ordinal: number) => taskStates[states?.[ordinal] ?? 0];
  const all = [...selection].toSorted((a, b) => a - b);
  const over = all.filter((ordinal) =>
    ["succeeded", "failed", "canceled"].includes(stateOf(ordinal) ?? "blocked"),
  );
  return { all, over, done: over.filter((ordinal) => stateOf(ordinal) === "succeeded").length };
}

function askedWords({ all, over, done }: Chosen): string {
  const left = all.length - over.length;
  const which = `${counted(done, "frame")} of them ${done === 1 ? "is" : "are"} done.`;
  const says =
    over.length === 1
      ? "It is done. Its files stay until new ones replace them."
      : `${which} Each file stays until its new one replaces it.`;
  if (left === 0) return says;
  return left === 1
    ? `${says} 1 selected frame that waits or runs now is left alone.`
    : `${says} ${counted(left, "selected frame")} that wait or run now are left alone.`;
}

interface LegendProps {
  counts: TaskCounts;
  begun: number;
  canSelect: boolean;
}

function Legend({ counts, begun, canSelect }: LegendProps) {
  const lines = taskStates.flatMap((state) =>
    state === "running"
      ? [
          { ...frameWords.running, count: begun },
          { ...nextWords, count: counts.running - begun },
        ]
      : [{ ...frameWords[state], count: counts[state] }],
  );
  return (
    <div class="legend">
      {lines
        .filter(({ count }) => count > 0)
        .map(({ mark, word, count }) => (
          <span key={mark}>
            <StateMark mark={mark} />
            <b>{count.toLocaleString("en-US")}</b> {word}
          </span>
        ))}
      <span class="legend-keys">{canSelect ? "Drag to select, click to open" : "Click to open"}</span>
    </div>
  );
}
