// The flip-book of a job as large as the window lets it be, at an address of its own.
import { useHistory, useLive, type Live } from "../live.ts";
import { Link } from "../router.tsx";
import { useTopic } from "../store.ts";
import { Chip } from "../ui/chip.tsx";
import { Crumbs } from "../ui/crumbs.tsx";
import { Nothing } from "../ui/nothing.tsx";
import { counted, jobWords } from "../words.ts";
import { useJobTitle } from "./use-job-title.ts";
import { JobFlipBook } from "./flipbook-job.tsx";

/** The view; give it a `key` by job. */
export function PlayView({ job }: { job: number }) {
  const live = useTopic(`job:${job}`);
  const history = useHistory(live);
  if (live === null) return <Nothing title={`Job ${job}`} isLoading />;
  return <LivePlay key={history} job={job} live={live} />;
}

function LivePlay({ job, live }: { job: number; live: Live }) {
  useLive(live, 250);
  const detail = live.client.store.details.get(job);
  useJobTitle(detail);
  if (live.client.refusal)
    return (
      <Nothing title="There is no such job">
        <p>
          <Link class="link" to="/">
            See all jobs
          </Link>
        </p>
      </Nothing>
    );
  if (!detail) return <Nothing title={`Job ${job}`} isLoading />;
  const { counts, taskCount, state, name } = detail;
  return (
    <div class="play">
      <Crumbs job={job} name={name} part="Flip-book" />
      <header class="play-head">
        <Chip {...jobWords[state]} />
        <span class="muted">
          {counts.succeeded === taskCount
            ? `all ${counted(taskCount, "frame")} done`
            : `${counts.succeeded.toLocaleString("en-US")} of ${counted(taskCount, "frame")} done`}
        </span>
      </header>
      <JobFlipBook job={job} live={live} isLarge />
    </div>
  );
}
