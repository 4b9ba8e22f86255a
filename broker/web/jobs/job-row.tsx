// One job in the list: what it is, how far it is, and the way to it.
import type { Job } from "../../contract/job.ts";
import { jobPath, Link } from "../router.tsx";
import { useStore } from "../store.ts";
import { Chip } from "../ui/chip.tsx";
import { Progress } from "../ui/progress.tsx";
import { Thumb } from "../ui/thumb.tsx";
import { Moment, useKnownNow } from "../ui/time.tsx";
import { counted, duration, jobWords, percent } from "../words.ts";

const countEveryMs = 10_000;

interface JobRowProps {
  job: Job;
  isChosen: boolean;
  isChoosing: boolean;
  /** Whoever looks may change this job. */
  canChoose: boolean;
  onChoose: (withShift: boolean) => void;
}

/** The row: the whole of it is the link, the box at its start chooses it. */
export function JobRow({ job, isChosen, isChoosing, canChoose, onChoose }: JobRowProps) {
  const { addresses } = useStore();
  const { counts, taskCount } = job;
  const labels = Object.entries(job.labels);
  return (
    <li class={isChosen ? "job-row is-chosen" : "job-row"}>
      {canChoose ? (
        <label class={isChoosing ? "job-box is-shown" : "job-box"}>
          <input
            type="checkbox"
            checked={isChosen}
            aria-label={`Select job ${job.number}, ${job.name}`}
            onClick={(event) => onChoose(event.shiftKey)}
          />
        </label>
      ) : (
        <span class="job-box" />
      )}
      <Link to={jobPath(job.number)} class="job-link">
        <Thumb addresses={addresses} sha256={job.picture} />
        <span class="job-name">
          <b>{job.name}</b>
          <span class="job-facts">
            <span>#{job.number}</span>
            <span>{job.owner}</span>
            <When job={job} />
            {job.priority !== 50 && <span>priority {job.priority}</span>}
            {labels.map(([key, value]) => (
              <span key={key} class="tag">
                {key}={value}
              </span>
            ))}
          </span>
        </span>
        <span class="job-state">
          <Chip {...jobWords[job.state]} />
          {counts.failed > 0 && job.state !== "failed" && (
            <small class="is-bad">{counts.failed.toLocaleString("en-US")} failed</small>
          )}
        </span>
        <span class="job-progress">
          <span class="job-figures">
            <b>{percent(counts.succeeded, taskCount)}</b>
            <span class="muted">
              {counts.succeeded.toLocaleString("en-US")} of {counted(taskCount, "frame")}
            </span>
            <Took job={job} />
          </span>
          <Progress counts={counts} total={taskCount} label={`Frames of ${job.name}`} />
        </span>
      </Link>
    </li>
  );
}

/** When it ended, or else was submitted; in a shorter word on a phone. */
function When({ job: { endedAt, createdAt } }: { job: Job }) {
  if (endedAt !== null)
    return (
      <span>
        ended <Moment at={endedAt} />
      </span>
    );
  return (
    <span>
      <span class="is-for-wide">submitted</span>
      <span class="is-for-narrow">sent</span> <Moment at={createdAt} />
    </span>
  );
}

/** Counts by itself: the row is drawn anew only when its job changes. */
function Took({ job }: { job: Job }) {
  const { live } = useStore();
  const now = useKnownNow(live, job.startedAt !== null && job.endedAt === null ? countEveryMs : 0);
  const { running, succeeded, failed } = job.counts;
  // A worker that took frames and gave them back, or was canceled, rendered none.
  if (job.startedAt === null || running + succeeded + failed === 0) return null;
  const end = job.endedAt === null ? now : Date.parse(job.endedAt);
  return <span class="faint job-took">{duration((end - Date.parse(job.startedAt)) / 1000)}</span>;
}
