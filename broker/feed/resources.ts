// Jobs and workers as they are now, put into words once however many readers hear of them.
import type { FeedEvent } from "../contract/feed.ts";
import type { JobDetail } from "../contract/job.ts";
import type { Event } from "../contract/attempt.ts";
import type { Broker } from "../service/broker.ts";
import { describeWorker } from "../service/describe-workers.ts";
import { numberOf } from "../service/ids.ts";
import { readJob, readSteps } from "../store/feed.ts";
import { failuresOf, type ReadDatabase } from "../store/read-jobs.ts";
import type { Rows } from "../store/tx.ts";

export interface Resources {
  /** Texts of one moment: made anew for each batch of events. */
  now(batch: readonly Event[]): Moment;
  /** Events went by that nobody was told of, and that `now` never saw: nothing that is remembered is sure any more. */
  forget(): void;
}

export interface Moment {
  /** JSON of a job; with `detail` its steps and failures too. Undefined when it is gone. */
  job(jobId: number, detail: boolean): string | undefined;
  /** JSON of the worker that an event is about. */
  worker(event: Event): string | undefined;
}

/** Jobs whose failures are remembered: grouping a thousand of them takes some milliseconds. */
const rememberedFailures = 64;

/** Reads through the read-only connection. */
export function createResources(broker: Broker, rows: Rows, db: ReadDatabase): Resources {
  const failures = new Map<number, JobDetail["failures"]>();

  function failuresNow(jobId: number, steps: ReturnType<typeof readSteps>): JobDetail["failures"] {
    let found = failures.get(jobId);
    if (!found) {
      found = steps.filter((step) => step.counts.failed > 0).flatMap((step) => failuresOf(db, step));
      if (failures.size >= rememberedFailures) failures.clear();
      failures.set(jobId, found);
    }
    return found;
  }

  function jobText(jobId: number, detail: boolean): string | undefined {
    const job: FeedEvent["job"] = readJob(rows, jobId);
    if (!job || !detail) return job && JSON.stringify(job);
    const steps = readSteps(rows, jobId);
    job.failures = failuresNow(jobId, steps);
    job.steps = steps.map(({ id: _, ...step }) => step);
    return JSON.stringify(job);
  }

  return {
    forget: () => failures.clear(),
    now(batch) {
      for (const { kind, state, jobNumber } of batch) {
        // Only these two leave the failed frames of a job as they were.
        if (kind === "task.changed" && jobNumber !== null && state !== "running" && state !== "succeeded")
          failures.delete(jobNumber);
      }
      const texts = new Map<string, string | undefined>();
      function once(key: string, make: () => string | undefined): string | undefined {
        if (!texts.has(key)) texts.set(key, make());
        return texts.get(key);
      }
      return {
        job: (jobId, detail) => once(`${jobId}/${detail}`, () => jobText(jobId, detail)),
        worker(event) {
          const named = event.data?.["worker"];
          const id = typeof named === "string" ? numberOf("worker", named) : undefined;
          if (id === undefined) return undefined;
          return once(`worker/${id}`, () => {
            const worker = describeWorker(broker, rows, db, id);
            return worker && JSON.stringify(worker);
          });
        },
      };
    },
  };
}
