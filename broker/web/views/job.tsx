// One job: how far it is, a light for each frame, why frames failed, its pictures, and everything about it.
import { useEffect, useRef, useState } from "preact/hooks";
import { ProblemError } from "../../contract/client.ts";
import { closeCodes } from "../../contract/feed-words.ts";
import { Activity } from "../job/activity-list.tsx";
import { Failures } from "../job/failures.tsx";
import { pictureOf } from "../flipbook/pictures.ts";
import { FrameTimes } from "../job/frame-times.tsx";
import { FramesPanel } from "../job/frames-panel.tsx";
import { JobHead } from "../job/head.tsx";
import { Machines } from "../job/machines.tsx";
import { namesOf } from "../job/names.ts";
import { Parameters } from "../job/parameters.tsx";
import { Steps } from "../job/steps.tsx";
import { Tries } from "../job/tries.tsx";
import { useBegun } from "../job/use-begun.ts";
import { usePreviews } from "../job/use-previews.ts";
import { useTimings } from "../job/use-timings.ts";
import { useHistory, useLive, type Live } from "../live.ts";
import { Link } from "../router.tsx";
import { useStore, useTopic } from "../store.ts";
import { Nothing } from "../ui/nothing.tsx";
import { useKnownNow } from "../ui/time.tsx";
import { JobFlipBook } from "./flipbook-job.tsx";
import { useJobTitle } from "./use-job-title.ts";
import { useLoad } from "./use-load.ts";
import { markBehind } from "./use-reels.ts";

/** The view of one job. */
export function JobView({ number }: { number: number }) {
  const live = useTopic(`job:${number}`);
  const history = useHistory(live);
  return live ? <FollowedJob key={history} number={number} live={live} /> : null;
}

function FollowedJob({ number, live }: { number: number; live: Live }) {
  const store = useStore();
  useLive(live);
  const job = live.client.store.details.get(number);
  const now = useKnownNow(live, job?.endedAt === null ? 1000 : 0);
  const timings = useTimings(number, live);
  const views = live.client.store.steps.get(number);
  const names = namesOf(views);

  useJobTitle(job);
  const begun = useBegun(live, number, job?.steps ?? []);

  // A restored database may not know what was shown of it before.
  if (!job || live.client.refusal?.code === closeCodes.notFound)
    return <Missing number={number} live={live} />;
  const workers = [...store.live.client.store.workers.values()];
  const main = job.steps.toSorted((a, b) => b.taskCount - a.taskCount)[0];
  return (
    <div class="job">
      <JobHead job={job} live={live} timings={timings} begun={sumOf(begun)} now={now} />
      <Failures job={job} namesOf={names.of} />
      <Steps job={job} begun={begun} />
      {job.steps.map((step) => (
        <FramesPanel
          key={step.name}
          job={job}
          step={step}
          isOnly={job.steps.length === 1}
          live={live}
          times={timings.of(step.name)}
          begun={begun.get(step.name) ?? 0}
          nameOf={names.of(step.name)}
          now={now}
        />
      ))}
      <div class="job-columns">
        <div class="job-column">
          <Pictures job={number} live={live} />
          {main && (
            <FrameTimes
              job={number}
              step={main.name}
              count={main.taskCount}
              times={timings.of(main.name)}
              succeeded={main.counts.succeeded}
              nameOf={names.of(main.name)}
            />
          )}
          <Activity job={number} live={live} names={names} />
        </div>
        <div class="job-column">
          <Machines job={number} workers={workers} names={names} />
          <Tries job={number} live={live} names={names} begun={sumOf(begun)} />
          <Parameters job={job} />
        </div>
      </div>
    </div>
  );
}

const sumOf = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((sum, one) => sum + one, 0);

/** The flip-book: shown once there is something to flip through. */
function Pictures({ job, live }: { job: number; live: Live }) {
  const { api } = useStore();
  const [isOpen, setOpen] = useState(false);
  const previews = usePreviews(live);
  /** Among the files up to here there is no picture. */
  const mark = useRef<string | undefined>(undefined);
  const done = live.client.store.details.get(job)?.counts.succeeded ?? 0;
  // Looked for at once and less and less often: many jobs have no picture.
  const round = isOpen ? 0 : Math.ceil(Math.log2(done + 1)) + Math.min(1, previews);
  useEffect(() => {
    if (round === 0) return undefined;
    const stop = new AbortController();
    const look = async () => {
      for (;;) {
        const query = { kind: "any", state: "current", after: mark.current, limit: mark.current ? 1000 : 50 };
        // oxlint-disable-next-line no-await-in-loop -- page after page: a simulation before it may have made very many files
        const { items, next } = await api.listArtifacts(job, query, stop.signal);
        if (items.some((one) => pictureOf(one) !== null)) return setOpen(true);
        mark.current = markBehind(items) ?? mark.current;
        if (next === null) return;
      }
    };
    // The next frame that is done asks again, and the broker when it is back.
    look().catch(() => undefined);
    return () => stop.abort();
  }, [api, job, round, live.client.state]);
  if (!isOpen) return null;
  return (
    <section class="panel" aria-label="Pictures">
      <div class="panel-head">
        <h2>Pictures</h2>
      </div>
      <JobFlipBook key={job} job={job} live={live} />
    </section>
  );
}

function Missing({ number, live }: { number: number; live: Live }) {
  const { api } = useStore();
  // A browser is not told why a socket could not be opened; HTTP says it.
  const refusal = String(live.client.refusal?.code);
  const { error } = useLoad((signal) => api.getJob(number, signal), String(number), refusal);
  if (!(error instanceof ProblemError) || error.code !== "not-found")
    return <Nothing title={`Looking for job ${number}…`} isLoading />;
  return (
    <Nothing title={`There is no job ${number}`}>
      <p>It was never submitted here, or its broker began anew.</p>
      <Link to="/" class="button">
        All jobs
      </Link>
    </Nothing>
  );
}
