// One pool with its workers: how many work, and pausing or resuming all of them.
import { useState } from "preact/hooks";
import type { Answer } from "../../contract/client.ts";
import { isHere, type WorkerIntent } from "../../contract/states.ts";
import type { Worker } from "../../contract/worker.ts";
import { sentenceOf } from "../api.ts";
import { useMe } from "../me.ts";
import { useStore } from "../store.ts";
import { counted } from "../words.ts";
import { Machine } from "./machine.tsx";

export type Pool = Answer<"getSystem">["pools"][number];

interface PoolProps {
  name: string;
  /** Undefined: workers joined under a name that the configuration does not have. */
  pool: Pool | undefined;
  workers: readonly Worker[];
}

/** The pool and its list. */
export function PoolSection({ name, pool, workers }: PoolProps) {
  const me = useMe();
  const here = workers.filter(isHere);
  const busy = here.filter(({ jobNumber }) => jobNumber !== null).length;
  const paused = here.filter(({ state }) => state === "paused").length;
  return (
    <section class="pool" aria-label={`Pool ${name}`}>
      <header class="pool-head">
        <h2>{name}</h2>
        <p class="muted">{poolWords(pool, here.length, busy, paused)}</p>
        {workers.length > 1 && me.may("setWorkerIntent") && <PoolActions name={name} workers={workers} />}
        {here.length > 0 && (
          <Gauge busy={busy} paused={paused} all={Math.max(here.length, pool?.slots ?? 0)} />
        )}
      </header>
      {workers.length === 0 ? (
        <p class="pool-empty">{emptyWords(pool)}</p>
      ) : (
        <ul class="machines">
          {workers.map((worker) => (
            <Machine key={worker.id} worker={worker} />
          ))}
        </ul>
      )}
    </section>
  );
}

function poolWords(pool: Pool | undefined, here: number, busy: number, paused: number): string {
  const kind =
    pool?.kind === "local" ? "this machine" : pool?.kind === "ecs" ? "the cloud" : "machines that joined";
  return `${kind} · ${counted(here, "worker")}, ${busy} at work${paused > 0 ? `, ${paused} paused` : ""}`;
}

function emptyWords(pool: Pool | undefined): string {
  if (pool?.kind === "local")
    return pool.slots === 0
      ? "This pool has no slots. Raise them in tally.yaml to render on this machine."
      : "No worker is here now: one starts by itself as soon as there is work.";
  return "No worker is here now. Start one on any machine with a worker's token.";
}

/** Pauses or resumes every worker of a pool, one after the other. */
function PoolActions({ name, workers }: { name: string; workers: readonly Worker[] }) {
  const { api, notes } = useStore();
  const [isAsking, setAsking] = useState(false);
  const running = workers.filter((one) => one.intent === "run");
  const paused = workers.filter((one) => one.intent === "pause");

  async function each(some: readonly Worker[], intent: WorkerIntent, done: string): Promise<void> {
    setAsking(true);
    let count = 0;
    let wrong: unknown;
    for (const { id } of some) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- in their order, and not all at the broker's door at once
        await api.setWorkerIntent(id, intent);
        count += 1;
      } catch (error) {
        wrong ??= error;
      }
    }
    if (count > 0) notes.say(`${counted(count, "worker")} of ${name} ${done}.`);
    if (wrong !== undefined) notes.say(sentenceOf(wrong), "failed");
    setAsking(false);
  }

  return (
    <span class="pool-actions">
      {running.length > 0 && (
        <button
          type="button"
          class="button is-small"
          disabled={isAsking}
          onClick={() => void each(running, "pause", "paused")}
        >
          Pause all
        </button>
      )}
      {paused.length > 0 && (
        <button
          type="button"
          class="button is-small"
          disabled={isAsking}
          onClick={() => void each(paused, "run", "resumed")}
        >
          Resume all
        </button>
      )}
    </span>
  );
}

/** Workers as lights: at work, paused, or free. */
function Gauge({ busy, paused, all }: { busy: number; paused: number; all: number }) {
  if (all > 64) return <meter class="gauge-bar" min={0} max={all} value={busy} />;
  const light = (index: number) => (index < busy ? "is-on" : index < busy + paused ? "is-paused" : "");
  return (
    <span class="gauge" aria-hidden="true">
      {Array.from({ length: all }, (_, index) => (
        <i key={index} class={light(index)} />
      ))}
    </span>
  );
}
