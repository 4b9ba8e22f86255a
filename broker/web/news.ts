// What of the jobs is worth a notice since the last look: an end, a first failure, a stall. Pure.
import type { Job } from "../contract/job.ts";
import { counted } from "./words.ts";

/** A job that is under way and of which nothing was heard for so long has stalled, ms. */
export const stallMs = 10 * 60_000;

/** What is remembered of a job from one look to the next. */
export interface Seen {
  state: Job["state"];
  failed: number;
  /** What changes whenever something happens to it. */
  sum: string;
  /** When that changed last, ms. */
  changedAt: number;
  toldStall: boolean;
}

export interface Notice {
  job: number;
  title: string;
  body: string;
}

/** Looks at the jobs and says what is news since the last look. `seen` is brought up to date. Jobs seen first are no news. */
export function newsOf(seen: Map<number, Seen>, jobs: Iterable<Job>, now: number): Notice[] {
  const news: Notice[] = [];
  for (const job of jobs) {
    const sum = `${job.state} ${Object.values(job.counts).join(" ")}`;
    const before = seen.get(job.number);
    const next: Seen = {
      state: job.state,
      failed: job.counts.failed,
      sum,
      changedAt: before?.sum === sum ? before.changedAt : now,
      toldStall: before?.sum === sum && before.toldStall,
    };
    seen.set(job.number, next);
    if (!before) continue;
    const of = (body: string, title: string) => news.push({ job: job.number, title, body });
    const done = `${job.counts.succeeded} of ${counted(job.taskCount, "frame")} done.`;
    if (job.state !== before.state && job.state === "succeeded") of(done, `${job.name} is done`);
    else if (job.state !== before.state && job.state === "failed")
      of(job.intentReason ?? done, `${job.name} failed`);
    else if (job.endedAt === null && before.failed === 0 && job.counts.failed > 0)
      of(`${done} The rest goes on.`, `${job.name}: a frame failed`);
    else if (job.state === "running" && !next.toldStall && now - next.changedAt >= stallMs) {
      next.toldStall = true;
      of(`No frame of it finished for ${Math.round(stallMs / 60_000)} minutes.`, `${job.name} does not move`);
    }
  }
  return news;
}
