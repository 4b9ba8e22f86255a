// What the handlers share: the broker, its readers and its stores.
import type { Problem } from "../contract/problem.ts";
import { Problem as ProblemClass } from "../contract/problem.ts";
import type { RetentionDays } from "../service/clean.ts";
import { heardOf, type Broker, type WorkerMemory } from "../service/broker.ts";
import { frameOf, frameParameterOf } from "../service/frames.ts";
import { numberOf, requireNumber } from "../service/ids.ts";
import type { Logins } from "../service/logins.ts";
import type { Logs } from "../service/logs.ts";
import type { Authenticator } from "../service/tokens.ts";
import type { Uploads } from "../service/uploads.ts";
import { getJob, latestJob, type ReadDatabase } from "../store/read-jobs.ts";
import type { Job } from "../contract/job.ts";

export interface HttpContext {
  broker: Broker;
  db: ReadDatabase;
  authenticator: Authenticator;
  uploads: Uploads;
  logins: Logins;
  logs: Logs;
  info: {
    version: string;
    startedAt: number;
    dataFolder: string;
    databasePath: string;
    /** Where the folder store keeps blobs; null for S3. */
    blobFolder: string | null;
    retention: RetentionDays;
    schemaVersion: number;
    pools: () => { name: string; kind: string; slots: number; workers: number }[];
  };
  /** Waits until something was committed, or `ms` went by. */
  nextCommit(ms: number, signal: AbortSignal): Promise<void>;
  stop(): void;
}

/** The number of a job given as `12`, `job_12` or `latest`. Throws `not-found`. */
export function jobNumber(context: HttpContext, text: string): number {
  const number =
    text === "latest"
      ? latestJob(context.db)
      : /^[1-9]\d{0,14}$/.test(text)
        ? Number(text)
        : numberOf("job", text);
  if (number === undefined || !getJob(context.db, number)) throw noJob(text);
  return number;
}

/** The job itself. Throws `not-found`. */
export function jobOf(context: HttpContext, number: number): Job {
  const job = getJob(context.db, number);
  if (!job) throw noJob(String(number));
  return job;
}

function noJob(text: string): Problem {
  return new ProblemClass(
    "not-found",
    text === "latest"
      ? "There is no job yet. Submit one: tally submit shot.blend"
      : `There is no job ${text}. \`tally ls\` lists them.`,
  );
}

/** The live worker with this id, if this token registered it. Throws `not-found`. */
export function ownWorker(context: HttpContext, id: string, tokenId: number): WorkerMemory {
  const worker = context.broker.workers.get(requireNumber("worker", id));
  if (!worker || worker.tokenId !== tokenId)
    throw new ProblemClass("not-found", `There is no live worker ${id}. Register again.`);
  heardOf(context.broker, worker);
  return worker;
}

/** Frame numbers of the steps of one job, by step index. */
export function framesOf(
  context: HttpContext,
  job: number,
): (stepIndex: number, ordinal: number) => { frame: string | null; parameters: Record<string, string> } {
  const { plan, settings } = context.broker.plans.of(job);
  const parameters = plan.steps.map((step) => frameParameterOf(step, settings.frameParameter));
  return (stepIndex, ordinal) => {
    const step = plan.steps[stepIndex];
    if (!step) return { frame: null, parameters: {} };
    const values = Object.entries(step.space.taskAt(ordinal)).map(([name, { value }]) => [name, value]);
    return {
      frame: frameOf(step, parameters[stepIndex] ?? null, ordinal),
      parameters: Object.fromEntries(values) as Record<string, string>,
    };
  };
}
