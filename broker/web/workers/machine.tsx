// One worker in the list: what it is, what it does, and what can be asked of it.
import { useState } from "preact/hooks";
import { isHere, type WorkerIntent } from "../../contract/states.ts";
import type { Worker } from "../../contract/worker.ts";
import { useMe } from "../me.ts";
import { framePath, jobPath, Link } from "../router.tsx";
import { useStore } from "../store.ts";
import { StateMark } from "../ui/chip.tsx";
import { Icon } from "../ui/icon.tsx";
import { Menu } from "../ui/menu.tsx";
import { Moment } from "../ui/time.tsx";
import { blenderWords, machineWords } from "../views/machine-words.ts";
import { workerWords } from "../words.ts";

interface MachineProps {
  worker: Worker;
  /** Its pool is paused as a whole. */
  isPoolPaused: boolean;
}

/** The row. */
export function Machine({ worker, isPoolPaused }: MachineProps) {
  const me = useMe();
  const { name, state, intent } = worker;
  const blenders = blenderWords(worker);
  const isAway = intent === "pause" && !isHere(worker);
  const { word, mark } = isAway ? { word: "paused, away", mark: "paused" as const } : workerWords[state];
  return (
    <li class={`machine is-${isAway ? "away" : state}`} data-worker={name}>
      <StateMark mark={mark} />
      <div class="machine-name">
        <b>{name}</b>
        <span class="machine-state">{word}</span>
      </div>
      <div class="machine-work">
        {worker.jobNumber === null ? <Idle worker={worker} /> : <Work worker={worker} />}
      </div>
      <div class="machine-facts">
        {machineWords(worker)}
        {blenders !== "" && <span> · Blender {blenders}</span>}
      </div>
      {me.may("setWorkerIntent") && <MachineActions worker={worker} isPoolPaused={isPoolPaused} />}
    </li>
  );
}

function Idle({ worker }: { worker: Worker }) {
  const { state, intent, lastSeenAt } = worker;
  if (!isHere(worker)) return <span class="muted">not here now, comes back paused</span>;
  if (state === "paused")
    return (
      <span class="muted">
        {intent === "pause"
          ? "takes no frames until it is resumed"
          : "takes no frames while its pool is paused"}
      </span>
    );
  if (state === "draining") return <span class="muted">takes no more frames, then leaves</span>;
  return (
    <span class="muted">
      heard of <Moment at={lastSeenAt} />
    </span>
  );
}

function Work({ worker }: { worker: Worker }) {
  const { name, jobNumber, step, ordinals, progress } = worker;
  const { live } = useStore();
  const first = ordinals[0];
  if (jobNumber === null) return null;
  return (
    <>
      <Link
        to={step === null || first === undefined ? jobPath(jobNumber) : framePath(jobNumber, step, first)}
      >
        {live.client.store.jobs.get(jobNumber)?.name ?? `Job ${jobNumber}`}
        {step !== null && <span class="muted"> · {step}</span>}
        {ordinals.length > 1 && <span class="muted"> · 1 frame, then {ordinals.length - 1} more</span>}
      </Link>
      <progress
        class="thin"
        max={100}
        {...(progress === null ? {} : { value: progress })}
        aria-label={`What ${name} renders`}
      />
    </>
  );
}

/** Pause and resume; leaving is in the menu, because nobody means it who wants the machine back for an hour. */
function MachineActions({ worker, isPoolPaused }: MachineProps) {
  const store = useStore();
  const { id, name, intent, jobNumber } = worker;
  const [busy, setBusy] = useState(false);
  async function ask(wanted: WorkerIntent, done: string): Promise<void> {
    if (busy) return;
    setBusy(true);
    await store.act(() => store.api.setWorkerIntent(id, wanted), done, `worker ${id}`);
    setBusy(false);
  }
  const pauses =
    jobNumber === null
      ? `${name} takes no frames until it is resumed.`
      : `${name} finishes its frame, then takes no more until it is resumed.`;
  const resumes = isPoolPaused
    ? `${name} takes frames again once its pool is resumed.`
    : `${name} takes frames again${isHere(worker) ? "" : " once it is back"}.`;
  return (
    <div class="machine-actions">
      {(intent !== "run" || !isPoolPaused) && (
        // One button for all three, and not `disabled` while the broker is asked: either would take the focus away.
        <button
          type="button"
          class="button is-small"
          aria-disabled={busy}
          onClick={() =>
            void (intent === "run"
              ? ask("pause", pauses)
              : ask("run", intent === "pause" ? resumes : `${name} stays.`))
          }
        >
          {intent !== "drain" && <Icon name={intent === "run" ? "pause" : "play"} />}{" "}
          {intent === "run" ? "Pause" : intent === "pause" ? "Resume" : "Stay"}
        </button>
      )}
      {isHere(worker) ? (
        <Menu
          label={`More for ${name}`}
          class="button is-icon is-small is-quiet"
          items={[
            {
              label: "Finish and leave",
              isDisabled: intent === "drain",
              onChoose: () => void ask("drain", `${name} finishes its frame, then leaves.`),
            },
          ]}
        >
          <Icon name="more" />
        </Menu>
      ) : (
        <span class="machine-no-menu" />
      )}
    </div>
  );
}
