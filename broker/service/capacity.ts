// Keeps a pool of launched agents in step with demand: plans, starts, and hears when one ends.
import { planCapacity, type LaunchView } from "../domain/capacity.ts";
import type { LaunchHandle, Launcher } from "../domain/ports.ts";
import type { Capabilities } from "../domain/requirements.ts";
import { whyNot, type Requirements } from "../domain/requirements.ts";
import { factsOf } from "./offer.ts";
import { idOf } from "./ids.ts";
import { launchEnded } from "./register-worker.ts";
import { createToken } from "./tokens.ts";
import { pausedPools } from "../store/pools.ts";
import { rowsOf } from "../store/tx.ts";
import type { Broker } from "./broker.ts";

export interface CapacityOptions {
  pool: string;
  slots: number;
  launcher: Launcher;
  onEnd: (launchId: string, words: string) => void;
  onError: (error: unknown) => void;
}

export interface CapacityLoop {
  /** Looks at demand soon. */
  wake(): void;
  /** Agents of this pool now: starting or alive. */
  count(): number;
  /** Stops every agent it started, waiting at most `graceMs` for each. */
  stop(graceMs: number): Promise<void>;
}

/** Tokens of launched agents end by themselves should everything else fail. */
const tokenSeconds = 30 * 86_400;

/** Makes the loop of one pool. */
export function createCapacityLoop(broker: Broker, options: CapacityOptions): CapacityLoop {
  const rows = rowsOf(broker.reader);
  const handles = new Map<string, LaunchHandle>();
  let scheduled = false;
  let starting = 0;
  let failedStarts = 0;
  let lastFailureMs = 0;
  let lastCapabilities: Capabilities | null = null;
  let stopped = false;

  /**
   * Workers that take slots: those that were started here, not whoever joined the pool from elsewhere. One that fell silent
   * is made up for by another, but never one that is paused.
   */
  function liveWorkers() {
    return [...broker.workers.values()].filter(
      ({ capabilities, launchId, silent, intent }) =>
        capabilities.pool === options.pool && launchId !== null && (!silent || intent === "pause"),
    );
  }

  /** Agents of an earlier broker on this data folder are workers without a handle. */
  function present(): LaunchView[] {
    const all = [...broker.workers.values()];
    const known = new Set(all.map(({ launchId }) => launchId !== null && idOf("launch", launchId)));
    const unregistered = [...handles.keys()].filter((id) => !known.has(id)).length;
    return [
      ...liveWorkers().map(({ intent }) => (intent === "pause" ? ("paused" as const) : ("running" as const))),
      ...Array<"starting">(unregistered + starting).fill("starting"),
    ].map((state, index) => ({ launchId: String(index), state }));
  }

  /** Paused workers of its own whose agent is gone: it was killed, or left with an earlier broker. */
  function away(): number {
    const { count } = broker.reader
      .prepare(
        "SELECT count(*) AS count FROM workers WHERE pool = ? AND intent = 'pause' AND launch_id IS NOT NULL AND ended_at IS NOT NULL",
      )
      .get(options.pool) as { count: number };
    return count;
  }

  function readyTasks(): number {
    let ready = 0;
    for (const stepId of broker.candidates.steps()) {
      if (ready >= options.slots) break;
      const facts = factsOf(broker, rows, stepId);
      const requirements = JSON.parse(facts.requirements) as Requirements;
      if (requirements.pool !== null && requirements.pool !== options.pool) continue;
      if (lastCapabilities && whyNot(requirements, lastCapabilities) !== null) continue;
      ready +=
        (
          broker.reader.prepare("SELECT ready FROM steps WHERE id = ?").get(stepId) as
            | { ready: number }
            | undefined
        )?.ready ?? 0;
    }
    return ready;
  }

  function look(): void {
    scheduled = false;
    if (stopped || broker.stopping) return;
    const live = liveWorkers();
    if (live.length > 0) failedStarts = 0;
    // The next one may find more than the last one had, such as a Blender that was installed meanwhile; and more than a
    // paused one has, which does not look again.
    lastCapabilities = live.find(({ intent }) => intent !== "pause")?.capabilities ?? null;
    const action = planCapacity({
      demand: readyTasks() + live.filter(({ lease, intent }) => lease !== null && intent !== "pause").length,
      launches: present(),
      away: away(),
      isPaused: pausedPools(rows).includes(options.pool),
      limits: { slots: options.slots },
      failedStarts,
      lastFailureMs,
      nowMs: broker.clock.monotonic(),
    });
    if (action.kind === "start") for (let n = 0; n < action.count; n++) void start();
  }

  async function start(): Promise<void> {
    starting++;
    try {
      const launch = await broker.writer.write((tx) => {
        const { id: tokenId, token } = createToken(tx, "worker", `${options.pool} agent`, tokenSeconds);
        const { id } = tx.run(
          "INSERT INTO launches (pool, token_id, started_at) VALUES (?, ?, ?)",
          options.pool,
          tokenId,
          tx.now,
        );
        return { id, token };
      });
      if (stopped) return;
      const launchId = idOf("launch", launch.id);
      const handle = options.launcher.start({ launchId, pool: options.pool, token: launch.token });
      keep(handle, launch.id);
      const { pid } = handle;
      if (pid !== null) {
        await broker.writer.write((tx) => tx.run("UPDATE launches SET pid = ? WHERE id = ?", pid, launch.id));
      }
    } catch (error) {
      options.onError(error);
    } finally {
      starting--;
    }
  }

  function keep(handle: LaunchHandle, number: number): void {
    handles.set(handle.launchId, handle);
    void watch(handle, number);
  }

  /** Agents that outlived an earlier broker belong to this one: it hears when they end, and stops them when it stops. */
  function adoptAll(): void {
    const open = broker.reader
      .prepare("SELECT id, pid FROM launches WHERE pool = ? AND ended_at IS NULL AND pid IS NOT NULL")
      .all(options.pool) as { id: number; pid: number }[];
    for (const { id, pid } of open) {
      const handle = options.launcher.adopt({ launchId: idOf("launch", id), pid });
      if (handle) keep(handle, id);
      else void bury(idOf("launch", id), id);
    }
  }

  /** After a power cut agents died with their broker: nobody waits until their silence is long enough. */
  async function bury(launchId: string, number: number): Promise<void> {
    const words = "it was gone when the broker came back";
    options.onEnd(launchId, words);
    await launchEnded(broker, number, words).catch(options.onError);
  }

  async function watch(handle: LaunchHandle, number: number): Promise<void> {
    const words = await handle.ended;
    handles.delete(handle.launchId);
    options.onEnd(handle.launchId, words);
    // From the newest on: it registered a moment after it was started, and there may be thousands from before.
    const registered =
      broker.reader
        .prepare("SELECT 1 FROM workers WHERE launch_id = ? ORDER BY id DESC LIMIT 1")
        .get(number) !== undefined;
    if (!registered) {
      failedStarts++;
      lastFailureMs = broker.clock.monotonic();
    }
    await launchEnded(broker, number, words).catch(options.onError);
    wake();
  }

  function wake(): void {
    if (scheduled || stopped) return;
    scheduled = true;
    setImmediate(() => {
      try {
        look();
      } catch (error) {
        // Nobody above would hear of it; it is looked at again every second.
        options.onError(error);
      }
    });
  }

  adoptAll();
  return {
    wake,
    count: () => present().length,
    async stop(graceMs) {
      stopped = true;
      await Promise.all([...handles.values()].map((handle) => handle.stop(graceMs)));
    },
  };
}
