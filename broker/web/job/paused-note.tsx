// Says that a job waits because every worker that could render it is paused, and leads to where one is resumed.
import type { Job } from "../../contract/job.ts";
import { Link } from "../router.tsx";
import { useStore } from "../store.ts";
import { useLoad } from "../views/use-load.ts";

/** Asks the broker only where it can be so: which worker fits which job is known there alone. */
export function PausedNote({ job }: { job: Job }) {
  const workers = [...useStore().live.client.store.workers.values()];
  const canBe =
    job.intent === "run" && job.counts.ready > 0 && workers.some(({ intent }) => intent === "pause");
  if (!canBe) return null;
  return <AskedNote job={job.number} version={workers.map(({ id, intent }) => id + intent).join()} />;
}

function AskedNote({ job, version }: { job: number; version: string }) {
  const { api } = useStore();
  const { value } = useLoad((signal) => api.getJob(job, signal), String(job), version);
  const names = value?.pausedWorkers ?? [];
  if (names.length === 0) return null;
  const listed =
    names.length > 4 ? `${names.slice(0, 3).join(", ")} and ${names.length - 3} more` : names.join(", ");
  return (
    <p class="job-why is-waiting" role="note">
      {names.length === 1
        ? `It waits: ${listed}, the one worker that could render it, is paused. `
        : `It waits: every worker that could render it is paused (${listed}). `}
      <Link to="/workers" class="link">
        Workers
      </Link>
    </p>
  );
}
