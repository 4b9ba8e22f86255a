// What of the jobs is worth a notice since the last look: an end, a first failure, a stall. Pure.
import type { Job } from "../contract/job.ts";
import type { Worker } from "../contract/worker.ts";
import { counted } from "./words.ts";

/** A job that is under way and of which nothing was heard for so long has stalled, ms. */
export const stallMs = 10 * 60_000;
/** After so long without a look the machine was asleep, or the broker away, ms: browsers let a hidden page look each minute. */
const asleepMs = 3 * 60_000;

/** What is remembered of a job from one look to the next. */
interface Seen {
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

export interface News {
  /** What is news since the last look. Jobs seen first are no news, but one that was made and is over since then. */
  look(jobs: Iterable<Job>, workers: Iterable<Worker>, now: number): Notice[];
}

/** Nothing was looked at yet. */
export function createNews(): News {
  let seen = new Map<number, Seen>();
  let lookedAt = -Infinity;

  function lookAt(
    job: Job,
    progress: string,
    now: number,
  ): { next: Seen; notice: Omit<Notice, "job"> | null } {
    const { state, counts, name, taskCount } = job;
    const sum = `${state} ${Object.values(counts).join(" ")} ${progress}`;
    const before = seen.get(job.number);
    const isSame = before?.sum === sum;
    const next: Seen = {
      state,
      failed: counts.failed,
      sum,
      changedAt: isSame && now - lookedAt < asleepMs ? before.changedAt : now,
      toldStall: isSame && before.toldStall,
    };
    const told = (title: string, body: string) => ({ next, notice: { title, body } });
    // Not one that was over long ago and is heard of again: made and over since the last look.
    const isShort = lookedAt > -Infinity && job.endedAt !== null && now - Date.parse(job.endedAt) < asleepMs;
    if (!before && !isShort) return { next, notice: null };
    const done = `${counts.succeeded} of ${counted(taskCount, "frame")} done.`;
    if (state !== before?.state && state === "succeeded") return told(`${name} is done`, done);
    if (state !== before?.state && state === "failed")
      return told(`${name} failed`, job.intentReason ?? done);
    if (!before) return { next, notice: null };
    if (job.endedAt === null && before.failed === 0 && counts.failed > 0)
      return told(`${name}: a frame failed`, `${done} The rest goes on.`);
    if (state !== "running" || next.toldStall || now - next.changedAt < stallMs)
      return { next, notice: null };
    next.toldStall = true;
    return told(`${name} does not move`, `Nothing was heard of its frames for ${stallMs / 60_000} minutes.`);
  }

  return {
    look(jobs, workers, now) {
      const progress = new Map<number, string>();
      for (const { id, jobNumber, progress: percent } of workers)
        if (jobNumber !== null)
          progress.set(jobNumber, `${progress.get(jobNumber) ?? ""} ${id} ${percent ?? ""}`);
      const all = new Map<number, Seen>();
      const news: Notice[] = [];
      for (const job of jobs) {
        const { next, notice } = lookAt(job, progress.get(job.number) ?? "", now);
        all.set(job.number, next);
        if (notice) news.push({ job: job.number, ...notice });
      }
      seen = all;
      lookedAt = now;
      return news;
    },
  };
}
