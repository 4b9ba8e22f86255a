// Says that a job waits because its pools or the workers that could render it are paused, and leads to where they are resumed.
import type { Job } from "../../contract/job.ts";
import { Link } from "../router.tsx";
import { useStore } from "../store.ts";
import { useLoad } from "../views/use-load.ts";

/** Asks the broker only where it can be so: which worker fits which job is known there alone. */
export function PausedNote({ job }: { job: Job }) {
  const { workers, pausedPools } = useStore().live.client.store;
  const asked = [...workers.values()].map(({ id, intent }) => id + intent);
  const isPaused = pausedPools.size > 0 || [...workers.values()].some(({ intent }) => intent === "pause");
  if (job.intent !== "run" || job.counts.ready === 0 || !isPaused) return null;
  return <AskedNote job={job.number} version={[...pausedPools, ...asked].join()} />;
}

function AskedNote({ job, version }: { job: number; version: string }) {
  const { api } = useStore();
  const { value } = useLoad((signal) => api.getJob(job, signal), String(job), version);
  const why = value && whyWords(value.pausedPools, value.pausedWorkers);
  if (why === undefined) return null;
  return (
    <p class="job-why is-waiting" role="note">
      {`It waits: ${why} `}
      <Link to="/workers" class="link">
        Workers
      </Link>
    </p>
  );
}

/** Undefined: it does not wait for that. */
function whyWords(pools: readonly string[], workers: readonly string[]): string | undefined {
  if (pools.length === 1) return `the pool ${pools[0]} is paused.`;
  if (pools.length > 1) return `its pools are paused (${listed(pools)}).`;
  if (workers.length === 1) return `${workers[0]}, the one worker that could render it, is paused.`;
  return workers.length > 1 ? `every worker that could render it is paused (${listed(workers)}).` : undefined;
}

function listed(names: readonly string[]): string {
  return names.length > 4 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
}
