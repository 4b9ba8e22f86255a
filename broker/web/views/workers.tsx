// Workers and pools: which machines are here, what each of them does, and a way to let one finish.
import { useState } from "preact/hooks";
import type { Answer } from "../../contract/client.ts";
import type { Worker } from "../../contract/worker.ts";
import { stateOf, useLive } from "../live.ts";
import { framePath, jobPath, Link } from "../router.tsx";
import { useStore } from "../store.ts";
import { StateMark } from "../ui/chip.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { Moment } from "../ui/time.tsx";
import { counted, workerWords } from "../words.ts";
import { blenderWords, machineWords } from "./machine-words.ts";
import { useLoad } from "./use-load.ts";

type Pool = Answer<"getSystem">["pools"][number];

/** The whole view. */
export function WorkersView() {
  const { live, api } = useStore();
  useLive(live);
  const { workers } = live.client.store;
  // Pools change with the config alone: a worker that comes or goes is reason enough to look again.
  const system = useLoad((signal) => api.getSystem(signal), "", String(workers.size));
  const isKnown = stateOf(live) !== "connecting" && system.value !== undefined;
  return (
    <div class="workers">
      <header class="view-head">
        <h1>Workers</h1>
      </header>
      {isKnown || workers.size > 0 ? (
        <WorkerList workers={[...workers.values()]} pools={system.value?.pools ?? []} />
      ) : (
        <Nothing title="Looking for workers" isLoading />
      )}
    </div>
  );
}

interface WorkerListProps {
  workers: readonly Worker[];
  pools: readonly Pool[];
}

/** Pools with their workers below. */
function WorkerList({ workers, pools }: WorkerListProps) {
  const names = [...new Set([...pools.map(({ name }) => name), ...workers.map(({ pool }) => pool)])];
  return (
    <>
      {names.map((name) => {
        const pool = pools.find((one) => one.name === name);
        const own = workers
          .filter((worker) => worker.pool === name)
          .toSorted((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
        const busy = own.filter(({ state }) => state === "busy").length;
        return (
          <section key={name} class="pool" aria-label={`Pool ${name}`}>
            <header class="pool-head">
              <h2>{name}</h2>
              <p class="muted">{poolWords(pool, own.length, busy)}</p>
              {own.length > 0 && <Gauge busy={busy} all={Math.max(own.length, pool?.slots ?? 0)} />}
            </header>
            {own.length === 0 ? (
              <p class="pool-empty">{emptyWords(pool)}</p>
            ) : (
              <ul class="machines">
                {own.map((worker) => (
                  <Machine key={worker.id} worker={worker} />
                ))}
              </ul>
            )}
          </section>
        );
      })}
    </>
  );
}

function poolWords(pool: Pool | undefined, here: number, busy: number): string {
  const kind =
    pool?.kind === "local" ? "this machine" : pool?.kind === "ecs" ? "the cloud" : "machines that joined";
  return `${kind} · ${here === 1 ? "1 worker" : `${here} workers`}, ${busy} at work`;
}

function emptyWords(pool: Pool | undefined): string {
  if (pool?.kind === "local")
    return pool.slots === 0
      ? "This pool has no slots. Raise them in tally.yaml to render on this machine."
      : "No worker is here now: one starts by itself as soon as there is work.";
  return "No worker is here now. Start one on any machine with a worker's token.";
}

/** Workers as lights: at work, or free. */
function Gauge({ busy, all }: { busy: number; all: number }) {
  if (all > 64) return <meter class="gauge-bar" min={0} max={all} value={busy} />;
  return (
    <span class="gauge" aria-hidden="true">
      {Array.from({ length: all }, (_, index) => (
        <i key={index} class={index < busy ? "is-on" : ""} />
      ))}
    </span>
  );
}

function Machine({ worker }: { worker: Worker }) {
  const store = useStore();
  const { id, name, state, jobNumber, progress, step, ordinals, lastSeenAt } = worker;
  const [busy, setBusy] = useState(false);
  const blenders = blenderWords(worker);
  const first = ordinals[0];
  const { word, mark } = workerWords[state];
  const isLeaving = state === "draining";
  async function ask(): Promise<void> {
    setBusy(true);
    await store.act(
      () => store.api.setWorkerIntent(id, isLeaving ? "run" : "drain"),
      isLeaving ? `${name} stays.` : `${name} finishes its frame, then leaves.`,
    );
    setBusy(false);
  }
  return (
    <li class={`machine is-${state}`} data-worker={name}>
      <StateMark mark={mark} />
      <div class="machine-name">
        <b>{name}</b>
        <span class="machine-state">{word}</span>
      </div>
      <div class="machine-work">
        {jobNumber === null ? (
          <span class="muted">
            {isLeaving ? (
              "takes no more frames, then leaves"
            ) : (
              <>
                heard of <Moment at={lastSeenAt} />
              </>
            )}
          </span>
        ) : (
          <>
            <Link
              to={
                step === null || first === undefined ? jobPath(jobNumber) : framePath(jobNumber, step, first)
              }
            >
              {store.live.client.store.jobs.get(jobNumber)?.name ?? `Job ${jobNumber}`}
              {step !== null && <span class="muted"> · {step}</span>}
              {ordinals.length > 1 && <span class="muted"> · {counted(ordinals.length, "frame")}</span>}
            </Link>
            <progress
              class="thin"
              max={100}
              {...(progress === null ? {} : { value: progress })}
              aria-label={`What ${name} renders`}
            />
          </>
        )}
      </div>
      <div class="machine-facts">
        {machineWords(worker)}
        {blenders !== "" && <span> · Blender {blenders}</span>}
      </div>
      <button type="button" class="button is-small" disabled={busy} onClick={() => void ask()}>
        {isLeaving ? "Stay" : "Finish and leave"}
      </button>
    </li>
  );
}
