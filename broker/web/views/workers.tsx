// Workers and pools: which machines are here, what each of them does, and pausing one or a whole pool.
import type { Worker } from "../../contract/worker.ts";
import { stateOf, useLive } from "../live.ts";
import { useStore } from "../store.ts";
import { Nothing } from "../ui/nothing.tsx";
import { PoolSection, type Pool } from "../workers/pool.tsx";
import { useLoad } from "./use-load.ts";

/** The whole view. */
export function WorkersView() {
  const { live, api } = useStore();
  useLive(live);
  const { workers, pausedPools } = live.client.store;
  // Pools change with the config alone: a worker that comes or goes is reason enough to look again.
  const system = useLoad((signal) => api.getSystem(signal), "", String(workers.size));
  const isKnown = stateOf(live) !== "connecting" && system.value !== undefined;
  return (
    <div class="workers">
      <header class="view-head">
        <h1>Workers</h1>
      </header>
      {isKnown || workers.size > 0 ? (
        <WorkerList
          workers={[...workers.values()]}
          pools={system.value?.pools ?? null}
          pausedPools={pausedPools}
        />
      ) : (
        <Nothing title="Looking for workers" isLoading />
      )}
    </div>
  );
}

interface WorkerListProps {
  workers: readonly Worker[];
  /** Of the configuration; null until they are fetched. */
  pools: readonly Pool[] | null;
  pausedPools: ReadonlySet<string>;
}

/** Pools with their workers below: those of the configuration, and others that somebody joined, or paused. */
function WorkerList({ workers, pools, pausedPools }: WorkerListProps) {
  const configured = (pools ?? []).map(({ name }) => name);
  const names = [...new Set([...configured, ...workers.map(({ pool }) => pool), ...pausedPools])];
  return (
    <>
      {names.map((name) => (
        <PoolSection
          key={name}
          name={name}
          pool={pools && pools.find((one) => one.name === name)}
          isPaused={pausedPools.has(name)}
          workers={workers
            .filter((worker) => worker.pool === name)
            .toSorted((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }))}
        />
      ))}
    </>
  );
}
