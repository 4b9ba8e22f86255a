// All jobs: search, filters, order, many at once.
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { Job } from "../../contract/job.ts";
import { isHere } from "../../contract/states.ts";
import { BulkBar } from "../jobs/bulk-bar.tsx";
import { FilterBar } from "../jobs/filter-bar.tsx";
import { JobRow } from "../jobs/job-row.tsx";
import { choicesOf, found, isIn, listed, noFilters, type Filters } from "../jobs/list.ts";
import { useOlderJobs } from "../jobs/older.ts";
import { useHistory, useLive } from "../live.ts";
import { useMe } from "../me.ts";
import { Link } from "../router.tsx";
import { useStore } from "../store.ts";
import { useLostFocus } from "../ui/lost-focus.ts";
import { Nothing } from "../ui/nothing.tsx";

/** Rows drawn at once; more are drawn when asked for. */
const rowsAtOnce = 200;

/** What was searched for here, as this step of the browser's history keeps it: back from a job it is there again. */
function keptFilters(): Filters {
  const { filters } = (history.state ?? {}) as { filters?: Partial<Filters> };
  return { ...noFilters, ...filters };
}

/** The list of jobs. In another history, as after a restored database, what was fetched or chosen may be other jobs. */
export function JobsView() {
  const { live } = useStore();
  return <Jobs key={useHistory(live)} />;
}

function Jobs() {
  const { live } = useStore();
  const me = useMe();
  useLive(live);
  const [filters, setShown] = useState<Filters>(keptFilters);
  const [chosen, setChosen] = useState<ReadonlySet<number>>(new Set());
  const [rows, setRows] = useState(rowsAtOnce);
  const last = useRef<number | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const known = live.client.store.jobs;
  const older = useOlderJobs(known, live.client.store.forgotten);
  const all = new Map([...older.jobs, ...known]);
  const shown = listed(all.values(), filters);
  const choices = choicesOf(all.values());
  const isLoading = live.client.state === "connecting" && known.size === 0;

  /** What is chosen is changed: only where that may be. */
  const canChoose = (job: Job) => me.may("setJobIntent", job);
  const chosenJobs = shown.filter((job) => chosen.has(job.number) && canChoose(job));
  useLostFocus(list, chosenJobs.length > 0);

  useEffect(() => {
    const running = [...known.values()].filter((job) => job.state === "running").length;
    document.title = running === 0 ? "Jobs – Tally" : `${running} running – Tally`;
  });

  function setFilters(next: Filters): void {
    setShown(next);
    history.replaceState({ filters: next }, "");
  }

  /** With shift, everything between this one and the last one. */
  function choose(number: number, withShift: boolean): void {
    const next = new Set(chosen);
    const from = shown.findIndex((job) => job.number === last.current);
    const to = shown.findIndex((job) => job.number === number);
    const isOn = !chosen.has(number);
    const some =
      withShift && from >= 0 ? shown.slice(Math.min(from, to), Math.max(from, to) + 1) : [shown[to]];
    for (const job of some) {
      if (job === undefined || !canChoose(job)) continue;
      if (isOn) next.add(job.number);
      else next.delete(job.number);
    }
    last.current = number;
    setChosen(next);
  }

  if (isLoading) return <Nothing title="Looking for your jobs…" isLoading />;
  if (all.size === 0 && !me.may("submitJob"))
    return (
      <Nothing title="No job yet">
        <p>As soon as somebody submits one, it is here.</p>
      </Nothing>
    );
  if (all.size === 0)
    return (
      <Nothing title="No job yet">
        <p>
          Submit one from Blender or Houdini, here, or on the command line:{" "}
          <code>tally submit shot.blend</code>
        </p>
        <Link to="/submit" class="button is-primary">
          Submit a job
        </Link>
      </Nothing>
    );
  return (
    <>
      <div class="view-head">
        <h1>Jobs</h1>
        <Summary jobs={[...known.values()]} />
      </div>
      <FilterBar
        filters={filters}
        choices={choices}
        jobs={found(all.values(), filters)}
        onChange={setFilters}
      />
      {chosenJobs.length > 0 && <BulkBar jobs={chosenJobs} onClear={() => setChosen(new Set())} />}
      {shown.length === 0 ? (
        <Nothing title="No job is like that">
          <button type="button" class="button" onClick={() => setFilters(noFilters)}>
            Show all jobs
          </button>
        </Nothing>
      ) : (
        <ul
          ref={list}
          tabIndex={-1}
          class={me.may("setJobIntent") ? "jobs" : "jobs is-looking"}
          aria-label="Jobs"
        >
          {shown.slice(0, rows).map((job) => (
            <JobLine
              key={job.number}
              job={job}
              isChosen={chosen.has(job.number)}
              isChoosing={chosenJobs.length > 0}
              canChoose={canChoose(job)}
              onChoose={choose}
            />
          ))}
        </ul>
      )}
      <div class="jobs-more">
        {shown.length > rows ? (
          <button type="button" class="button" onClick={() => setRows(rows + rowsAtOnce)}>
            Show {Math.min(rowsAtOnce, shown.length - rows)} more
          </button>
        ) : (
          older.canAsk && (
            <button type="button" class="button" disabled={older.isAsking} onClick={older.ask}>
              {older.isAsking ? "Looking…" : "Show older jobs"}
            </button>
          )
        )}
      </div>
    </>
  );
}

interface JobLineProps {
  job: Job;
  isChosen: boolean;
  isChoosing: boolean;
  canChoose: boolean;
  onChoose: (number: number, withShift: boolean) => void;
}

/** A row that is drawn anew only when its own job changed. */
function JobLine({ job, isChosen, isChoosing, canChoose, onChoose }: JobLineProps) {
  const choose = useRef(onChoose);
  choose.current = onChoose;
  return useMemo(
    () => (
      <JobRow
        job={job}
        isChosen={isChosen}
        isChoosing={isChoosing}
        canChoose={canChoose}
        onChoose={(withShift) => choose.current(job.number, withShift)}
      />
    ),
    [job, isChosen, isChoosing, canChoose],
  );
}

function Summary({ jobs }: { jobs: readonly Job[] }) {
  const { live } = useStore();
  const open = jobs.filter((job) => job.endedAt === null);
  // As the filter of that name counts them.
  const active = jobs.filter((job) => isIn(job, "active")).length;
  const left = open.reduce((sum, { counts }) => sum + counts.ready + counts.blocked + counts.running, 0);
  const workers = [...live.client.store.workers.values()].filter(isHere);
  const busy = workers.filter((one) => one.jobNumber !== null).length;
  const paused = workers.filter((one) => one.state === "paused").length;
  return (
    <p class="muted jobs-summary">
      <span>
        <b>{active.toLocaleString("en-US")}</b> under way
      </span>
      <span>
        <b>{left.toLocaleString("en-US")}</b> {left === 1 ? "frame" : "frames"} to go
      </span>
      <span>
        <b>
          {busy}/{workers.length}
        </b>{" "}
        workers rendering{paused > 0 && `, ${paused} paused`}
      </span>
    </p>
  );
}
