// Pulls the results of one job: those that are asked for, as they are or as they come, and says what is missing.
import { setTimeout as pause } from "node:timers/promises";
import type { Artifact } from "../contract/attempt.ts";
import type { Answer, Client } from "../contract/client.ts";
import type { JobDetail, Task } from "../contract/job.ts";
import { nameFilter } from "../home/name-filter.ts";
import { createAsking, isPassing, type Asking } from "./asking.ts";
import { checkComplete, type Completeness } from "./completeness.ts";
import { isHealthy } from "./connect.ts";
import { openJobFeed, type JobFeed } from "./job-feed.ts";
import { getJob, pages } from "./job-reads.ts";
import { bringFiles, type Brought } from "./pull-files.ts";
import { createPlaces } from "./pull-place.ts";

/** Which results are meant; absent: all that count. */
export interface Selection {
  filter?: string | undefined;
  frames?: readonly number[] | undefined;
  step?: string | undefined;
  /** Files of tries that failed or were canceled too. */
  partial?: boolean | undefined;
}

export interface PullOptions extends Selection {
  /** Finds the broker anew: after a restart its address or token may be another. */
  find: () => Client;
  number: number;
  /** A folder instead of home. */
  to?: string | undefined;
  /** Default: the job's own rule. */
  conflict?: "overwrite" | "skip" | undefined;
  /** Until the job is over, as files come. */
  follow?: boolean | undefined;
  blobs: string | null;
  signal: AbortSignal;
  onTotal?: (files: number, bytes: number) => void;
  onBytes?: (bytes: number) => void;
  /** Nothing comes through for a while, and why; it is tried again. */
  onWaiting?: (why: string) => void;
  onFile?: (brought: Brought) => Promise<void> | void;
  /** With `follow`: the broker does not answer, or `why` in a sentence; it is asked again until it does. */
  onAway?: (url: string, why?: string) => void;
}

export interface Pulled {
  job: JobDetail;
  /** The last word on each file, by artifact. */
  files: Brought[];
  complete: Completeness;
}

const retryMs = 400;
/** Many frames that end together are listed together, ms. */
const gatherMs = 200;

/** Whether a result is among those meant. */
export function isSelected(artifact: Artifact, { filter, frames, step, partial }: Selection): boolean {
  if (artifact.state === "replaced" || (artifact.state === "partial" && partial !== true)) return false;
  if (step !== undefined && artifact.step !== step) return false;
  if (frames !== undefined && !(artifact.frame !== null && frames.includes(Number(artifact.frame))))
    return false;
  return filter === undefined || nameFilter(filter)(artifact.name);
}

/**
 * Brings the files of one job. With `follow` it waits for those to come until the job is over, and outlives the
 * broker's restarts. Rejects when the broker is not there, or with the signal's reason; what is home stays.
 */
export async function pullJob(options: PullOptions): Promise<Pulled> {
  const { number, signal, onAway } = options;
  const broker = createAsking(options.find, signal);
  // Opened before the first look: whatever comes later is heard.
  const feed = options.follow
    ? await openJobFeed({ broker, number, signal, ...(onAway && { onAway }) })
    : undefined;
  try {
    return await pullWith(options, broker, feed);
  } finally {
    feed?.close();
  }
}

async function pullWith(options: PullOptions, broker: Asking, feed: JobFeed | undefined): Promise<Pulled> {
  const { number, signal } = options;
  const follow = feed !== undefined;
  let { client } = broker;
  const done = new Map<string, Brought>();
  /** Older files of a place that has a newer one. */
  const outdone = new Set<string>();
  /** Places whose frame counts: what a failed try left does not go there. */
  const won = new Set<string>();
  let read = createArtifactReader(client, number);
  for (;;) {
    try {
      // oxlint-disable no-await-in-loop -- one answer tells what to ask next
      // The job first: what it made before it ended is then listed after.
      const job = await getJob(client, String(number));
      const files = news(await read(), job);
      if (files.length > 0) await bring(files, job);
      if (!follow || (job.endedAt !== null && files.length === 0)) {
        const { complete, listed } = await completeness(client, job, options);
        const isOpen = complete.steps.some(({ open }) => open.length > 0);
        // What came while others were brought is not here yet: nothing is said of it before it is.
        if (isOpen || news(listed, job).length === 0) return { job, files: [...done.values()], complete };
      } else if (job.endedAt === null) {
        await feed.next();
        await pause(gatherMs, undefined, { signal });
        while (feed.waiting > 0) await feed.next();
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!follow || !isPassing(error)) throw error;
      client = await findAgain(broker, signal);
      read = createArtifactReader(client, number);
      // oxlint-enable no-await-in-loop
    }
  }

  /** Those that were asked for and are still to be brought. */
  function news(listed: readonly Artifact[], job: JobDetail): Artifact[] {
    for (const { state, name } of listed) if (state === "current") won.add(name);
    return listed.filter((one) => {
      if (!isSelected(one, options) || outdone.has(one.id) || isDone(done.get(one.id), one)) return false;
      if (one.state === "current") return true;
      // The frame itself may still come.
      return !won.has(one.name) && (!follow || job.endedAt !== null);
    });
  }

  async function bring(files: Artifact[], job: JobDetail): Promise<void> {
    const all = [...done.values()].map(({ artifact }) => artifact).concat(files);
    options.onTotal?.(
      files.length,
      files.reduce((sum, { bytes }) => sum + bytes, 0),
    );
    await bringFiles(files, {
      client,
      job: number,
      conflict: options.conflict ?? job.settings.conflict,
      again: options.conflict === "overwrite",
      placeOf: createPlaces(job, all, options.to),
      blobs: options.blobs,
      report: options.to === undefined,
      signal,
      ...(options.onBytes && { onBytes: options.onBytes }),
      ...(options.onWaiting && { onWaiting: options.onWaiting }),
      onFile: async (brought) => {
        done.set(brought.artifact.id, brought);
        await options.onFile?.(brought);
      },
    });
    for (const { id } of files) if (!done.has(id)) outdone.add(id);
  }
}

/** A file that failed is tried again while the job is followed only when something about it changed. */
function isDone(before: Brought | undefined, now: Artifact): boolean {
  return before !== undefined && (before.result !== "failed" || before.artifact.kept === now.kept);
}

/** Lists results in the order in which they came; each further call begins with the last page that was full. */
function createArtifactReader(client: Client, job: number): () => Promise<Artifact[]> {
  let from: string | undefined;
  return async () => {
    const found: Artifact[] = [];
    let after = from;
    do {
      // oxlint-disable-next-line no-await-in-loop -- a page names the next one
      const page = await client.call<Answer<"listArtifacts">>("get", `/v1/jobs/${job}/artifacts`, {
        query: { limit: 1000, after },
      });
      found.push(...page.items);
      after = page.next ?? undefined;
      from = after ?? from;
    } while (after !== undefined);
    return found;
  };
}

/** Looked at anew at the end: frames may have been rendered again meanwhile. */
async function completeness(
  client: Client,
  job: JobDetail,
  selection: Selection,
): Promise<{ complete: Completeness; listed: Artifact[] }> {
  const tasks: Task[] = [];
  const { frames, step } = selection;
  for await (const task of pages<Task>(client, `/v1/jobs/${job.number}/tasks`, { step }))
    if (frames === undefined || (task.frame !== null && frames.includes(Number(task.frame))))
      tasks.push(task);
  const listed = await createArtifactReader(client, job.number)();
  // A pattern chooses among names, not frames: a frame whose files all have other names lacks nothing.
  const files = listed.filter((one) => isSelected(one, { ...selection, filter: undefined }));
  return { complete: checkComplete(tasks, files), listed };
}

async function findAgain(broker: Asking, signal: AbortSignal): Promise<Client> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- this waits for the broker
    await pause(retryMs, undefined, { signal });
    broker.findAgain();
    const { client } = broker;
    // oxlint-disable-next-line no-await-in-loop -- see above
    if (await isHealthy(client)) return client;
  }
}
