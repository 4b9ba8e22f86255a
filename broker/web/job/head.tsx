// The head of a job: what it is, how far, how long still, on which machines, and what can be done with it.
import { estimateOf } from "../../contract/estimate.ts";
import type { FeedJobDetail } from "../../contract/feed.ts";
import { isHere } from "../../contract/states.ts";
import type { Timings } from "../../contract/timings.ts";
import type { Worker } from "../../contract/worker.ts";
import type { Live } from "../live.ts";
import { useStore } from "../store.ts";
import { Chip } from "../ui/chip.tsx";
import { Crumbs } from "../ui/crumbs.tsx";
import { Progress } from "../ui/progress.tsx";
import { Moment } from "../ui/time.tsx";
import { counted, duration, jobWords, percent, roughly } from "../words.ts";
import { JobActions } from "./actions.tsx";
import { NotHomeNote } from "./not-home-note.tsx";
import { PausedNote } from "./paused-note.tsx";

interface JobHeadProps {
  job: FeedJobDetail;
  live: Live;
  timings: Timings;
  /** Frames that are begun, of those that run. */
  begun: number;
  now: number;
}

/** Title, state, actions, and the figures. */
export function JobHead({ job, live, timings, begun, now }: JobHeadProps) {
  const { counts, taskCount } = job;
  const { word, mark } = jobWords[job.state];
  const labels = Object.entries(job.labels);
  const store = useStore();
  const machines = [...store.live.client.store.workers.values()].filter(
    (one) => one.jobNumber === job.number,
  );
  return (
    <header class="job-head">
      <Crumbs job={job.number} />
      <div class="job-title">
        <h1>{job.name}</h1>
        <Chip word={word} mark={mark} />
        <JobActions job={job} begun={begun} />
      </div>
      <p class="job-about">
        <span>by {job.owner}</span>
        <span>
          submitted <Moment at={job.createdAt} />
        </span>
        {job.endedAt !== null && (
          <span>
            ended <Moment at={job.endedAt} />
          </span>
        )}
        <span>priority {job.priority}</span>
        {job.templateName !== null && <span>{job.templateName}</span>}
        {labels.map(([key, value]) => (
          <span key={key} class="tag">
            {key}={value}
          </span>
        ))}
      </p>
      {job.intentReason !== null && (
        <p class="job-why" role="note">
          {job.intentReason}
        </p>
      )}
      <PausedNote job={job} />
      <NotHomeNote job={job} live={live} />
      <Progress counts={counts} total={taskCount} begun={begun} isLarge label={`Frames of ${job.name}`} />
      <dl class="figures">
        <Figure label="Done" value={percent(counts.succeeded, taskCount)}>
          {counts.succeeded.toLocaleString("en-US")} of {counted(taskCount, "frame")}
          {counts.failed > 0 && <b class="is-bad">, {counts.failed.toLocaleString("en-US")} failed</b>}
          {begun > 0 && `, ${begun.toLocaleString("en-US")} running`}
        </Figure>
        <TimeFigure job={job} timings={timings} machines={machines.length} now={now} />
        <AverageFigure job={job} timings={timings} />
        <Figure label="Machines" value={String(machines.length)}>
          {machines.length === 0
            ? job.endedAt === null
              ? waitingWords(job, [...store.live.client.store.workers.values()].filter(isHere))
              : "none needed any more"
            : machines
                .slice(0, 3)
                .map((one) => one.name)
                .join(", ") + (machines.length > 3 ? ` and ${machines.length - 3} more` : "")}
        </Figure>
      </dl>
      {live.client.state === "away" && <p class="hidden">What you see is from before.</p>}
    </header>
  );
}

interface FigureProps {
  label: string;
  value: string;
  children?: preact.ComponentChildren;
}

function Figure({ label, value, children }: FigureProps) {
  return (
    <div class="figure">
      <dt>{label}</dt>
      <dd>
        <b>{value}</b>
        <span>{children}</span>
      </dd>
    </div>
  );
}

function waitingWords(job: FeedJobDetail, workers: readonly Worker[]): string {
  if (job.state === "paused") return "paused";
  if (workers.length === 0) return "no worker is here";
  if (workers.every(({ state }) => state === "pausing" || state === "paused"))
    return "every worker is paused";
  return "waits for its turn";
}

interface TimeFigureProps {
  job: FeedJobDetail;
  timings: Timings;
  machines: number;
  now: number;
}

/** Time left with its spread while it runs; how long it took when it is over. */
function TimeFigure({ job, timings, machines, now }: TimeFigureProps) {
  const since = job.startedAt === null ? null : Date.parse(job.startedAt);
  if (job.endedAt !== null) {
    const took = since === null ? null : (Date.parse(job.endedAt) - since) / 1000;
    return (
      <Figure label="Took" value={took === null ? "–" : duration(took)}>
        {took === null ? "nothing was rendered" : "from the first frame to the end"}
      </Figure>
    );
  }
  const left = since === null ? null : estimateOf(job, timings, machines, now);
  const running = since === null ? "not started yet" : `begun ${duration((now - since) / 1000)} ago`;
  if (left === null || machines === 0)
    return (
      <Figure label="Time left" value="–">
        {since === null || machines === 0 ? running : "known after the first frame"}
      </Figure>
    );
  const low = roughly(left.low);
  const high = roughly(left.high);
  return (
    <Figure label="Time left" value={roughly(left.seconds)}>
      {low === high ? running : `between ${low} and ${high}`}
      {left.unknown.length > 0 && `, then ${left.unknown.join(", ")}`}
    </Figure>
  );
}

function AverageFigure({ job, timings }: { job: FeedJobDetail; timings: Timings }) {
  const means = job.steps.filter((step) => step.meanSeconds !== null && step.counts.succeeded > 0);
  // The step with most frames is the one people mean.
  const main = means.toSorted((a, b) => b.taskCount - a.taskCount)[0];
  if (!main || main.meanSeconds === null)
    return (
      <Figure label="Average frame" value="–">
        no frame is done yet
      </Figure>
    );
  const { count, least, most } = timings.of(main.name).spread;
  return (
    <Figure label="Average frame" value={duration(main.meanSeconds)}>
      {duration(least) === duration(most) || count < 2
        ? `of ${counted(main.counts.succeeded, "frame")}`
        : `${duration(least)} to ${duration(most)}`}
    </Figure>
  );
}
