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
  const [isAsking, setAsking] = useState(false);
  const slow = useSlow(times, now);
  const { name, counts, taskCount } = step;
  useEffect(() => setSelection(nobody), [job, name]);
  const panel = useRef<HTMLElement>(null);
  useLostFocus(panel, selection.size > 0 || isAsking);

  const states = live.client.store.steps.get(job)?.get(name)?.states;
  const done = [...selection].filter((ordinal) => taskStates[states?.[ordinal] ?? 0] === "succeeded").length;
  const requeue = () =>
    act(async () => {
      const { requeued } = await api.requeue(job, {
        step: name,
        ordinals: [...selection].toSorted((a, b) => a - b),
      });
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
          <button
            type="button"
            class="button is-small"
            onClick={() => (done > 0 ? setAsking(true) : void requeue())}
          >
            <Icon name="again" /> Requeue
          </button>
          <button type="button" class="button is-small is-quiet" onClick={() => setSelection(nobody)}>
            Clear
          </button>
        </div>
      ) : (
        <Legend counts={counts} begun={begun} canSelect={canSelect} />
      )}
      {isAsking && (
        <Dialog
          title={`Render ${counted(selection.size, "frame")} again?`}
          action="Render again"
          onDo={requeue}
          onClose={() => setAsking(false)}
        >
          <p>
            {counted(done, "frame")} of them {done === 1 ? "is" : "are"} done. Each file stays until its new
            one replaces it. Frames that wait or run now are left alone.
          </p>
        </Dialog>
      )}
    </section>
  );
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
