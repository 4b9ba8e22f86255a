// One pool with its workers: how many work, and pausing it as a whole.
import { useState } from "preact/hooks";
import type { Answer } from "../../contract/client.ts";
import { isHere, type PoolIntent } from "../../contract/states.ts";
import type { Worker } from "../../contract/worker.ts";
import { sentenceOf } from "../api.ts";
import { useMe } from "../me.ts";
import { useStore } from "../store.ts";
import { Chip } from "../ui/chip.tsx";
import { Icon } from "../ui/icon.tsx";
import { counted } from "../words.ts";
import { Machine } from "./machine.tsx";

export type Pool = Answer<"getSystem">["pools"][number];

interface PoolProps {
  name: string;
  /** Undefined: workers joined under a name that the configuration does not have. Null: that is not known yet. */
  pool: Pool | undefined | null;
  /** As a whole, whoever is in it. */
  isPaused: boolean;
  workers: readonly Worker[];
}

/** The pool and its list. */
export function PoolSection({ name, pool, isPaused, workers }: PoolProps) {
  const me = useMe();
  const here = workers.filter(isHere);
  const busy = here.filter(({ jobNumber }) => jobNumber !== null).length;
  const paused = here.filter(({ state }) => state === "paused").length;
  const room = Math.max(here.length, pool?.slots ?? 0);
  return (
    <section class="pool" aria-label={`Pool ${name}`}>
      <header class="pool-head">
        <h2>{name}</h2>
        {isPaused && <Chip word="paused" mark="paused" />}
        <p class="muted">{poolWords(pool, here.length, busy, paused)}</p>
        {me.may("setPoolIntent") && <PoolAction name={name} isPaused={isPaused} />}
        {/* One light alone says nothing that its row does not say. */}
        {here.length > 0 && room > 1 && <Gauge busy={busy} paused={paused} all={room} />}
      </header>
      {workers.length === 0 ? (
        <p class="pool-empty">{emptyWords(pool, isPaused)}</p>
      ) : (
        <ul class="machines">
          {workers.map((worker) => (
            <Machine key={worker.id} worker={worker} isPoolPaused={isPaused} />
          ))}
        </ul>
      )}
    </section>
  );
}

function poolWords(pool: PoolProps["pool"], here: number, busy: number, paused: number): string {
  const kind =
    pool?.kind === "local" ? "this machine" : pool?.kind === "ecs" ? "the cloud" : "machines that joined";
  return `${pool === null ? "" : `${kind} · `}${counted(here, "worker")}, ${busy} at work${paused > 0 ? `, ${paused} paused` : ""}`;
}

function emptyWords(pool: PoolProps["pool"], isPaused: boolean): string {
  if (pool?.kind === "local" && pool.slots === 0)
    return "This pool has no slots. Raise them in tally.yaml to render on this machine.";
  if (isPaused)
    return pool?.kind === "local"
      ? "This pool is paused: no worker is started in it until it is resumed."
      : "This pool is paused: whoever joins it begins paused, until it is resumed.";
  return pool?.kind === "local"
    ? "No worker is here now: one starts by itself as soon as there is work."
    : "No worker is here now. Start one on any machine with a worker's token.";
}

/** Pauses the pool, or lets it go on. */
function PoolAction({ name, isPaused }: { name: string; isPaused: boolean }) {
  const { api, notes } = useStore();
  const [isAsking, setAsking] = useState(false);

  async function ask(intent: PoolIntent): Promise<void> {
    if (isAsking) return;
    setAsking(true);
    const about = `pool ${name}`;
    try {
      const { workers } = await api.setPoolIntent(name, intent);
      notes.say(intent === "pause" ? pausedWords(name) : resumedWords(name, workers), "done", about);
    } catch (error) {
      notes.say(sentenceOf(error), "failed", about);
    }
    setAsking(false);
  }

  return (
    <button
      type="button"
      class="button is-small"
      // Not `disabled`: that would take the focus away from it.
      aria-disabled={isAsking}
      onClick={() => void ask(isPaused ? "run" : "pause")}
    >
      <Icon name={isPaused ? "play" : "pause"} /> {isPaused ? "Resume pool" : "Pause pool"}
    </button>
  );
}

function pausedWords(name: string): string {
  return `The pool ${name} is paused. Its workers finish their frames, and none is started until it is resumed.`;
}

/** Whoever was paused by itself is named: it does not go on with its pool. */
function resumedWords(name: string, workers: readonly Worker[]): string {
  const says = `The pool ${name} takes frames again.`;
  const alone = workers.filter(({ intent }) => intent === "pause");
  const [one] = alone;
  if (one === undefined) return says;
  return alone.length === 1
    ? `${says} ${one.name} was paused separately and stays paused.`
    : `${says} ${counted(alone.length, "worker")} were paused separately and stay paused.`;
}

/** Workers as lights: at work, paused, or free. */
function Gauge({ busy, paused, all }: { busy: number; paused: number; all: number }) {
  if (all > 64)
    return <meter class="gauge-bar" aria-label="Workers at work" min={0} max={all} value={busy} />;
  const light = (index: number) => (index < busy ? "is-on" : index < busy + paused ? "is-paused" : "");
  return (
    <span class="gauge" aria-hidden="true">
      {Array.from({ length: all }, (_, index) => (
        <i key={index} class={light(index)} />
      ))}
    </span>
  );
}
