// Says that a job waits because its pools or the workers that could render it are paused, and leads to where they are resumed.
import type { ComponentChild } from "preact";
import type { Job } from "../../contract/job.ts";
import { Link } from "../router.tsx";
import { useStore } from "../store.ts";
import { useLoad } from "../views/use-load.ts";

/** Says it on the page of the job. */
export function PausedNote({ job }: { job: Job }) {
  return (
    <PausedWhy job={job}>
      {(why) =>
        why === undefined ? null : (
          <p class="job-why is-waiting" role="note">
            {`It waits: ${why} `}
            <Link to="/workers" class="link">
              Workers
            </Link>
          </p>
        )
      }
    </PausedWhy>
  );
}

/** Shows a sentence's end with why it waits, such as `the pool farm is paused.`; undefined: not for that. */
type ShowWhy = (why: string | undefined) => ComponentChild;

/** Asks the broker only where it can be so: which worker fits which job is known there alone. */
export function PausedWhy({ job, children }: { job: Job; children: ShowWhy }) {
  const { workers, pausedPools } = useStore().live.client.store;
  const asked = [...workers.values()].map(({ id, intent }) => id + intent);
  const isPaused = pausedPools.size > 0 || [...workers.values()].some(({ intent }) => intent === "pause");
  if (job.intent !== "run" || job.counts.ready === 0 || !isPaused) return <>{children(undefined)}</>;
  return (
    <AskedWhy job={job.number} version={[...pausedPools, ...asked].join()}>
      {children}
    </AskedWhy>
  );
}

function AskedWhy({ job, version, children }: { job: number; version: string; children: ShowWhy }) {
  const { api } = useStore();
  const { value } = useLoad((signal) => api.getJob(job, signal), String(job), version);
  return <>{children(value && whyWords(value.pausedPools, value.pausedWorkers))}</>;
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
