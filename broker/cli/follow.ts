// Follows one job to its end: events in, what a person wants to hear out. Outlives the broker's restarts.
import { setTimeout as pause } from "node:timers/promises";
import { ProblemError, UnreachableError, type Answer, type Client } from "../contract/client.ts";
import type { Artifact, Event } from "../contract/attempt.ts";
import type { JobDetail } from "../contract/job.ts";
import { isHealthy } from "./connect.ts";
import { createFrameFiles } from "./frame-files.ts";
import { createFrameNames, getJob, pages, undelivered } from "./job-reads.ts";

export interface FinishedFrame {
  step: string;
  frame: string | null;
  seconds: number | null;
  worker: string | null;
  /** What it was rendered on, where the renderer says so. */
  device: string | null;
  /** Where it lies at home; null for a task that saves no file. */
  file: string | null;
  /** The file that lay there before was kept, as the job is told to. */
  kept: boolean;
}

export interface FailedFrame {
  step: string;
  frame: string | null;
  worker: string | null;
  reason: string;
  willRetry: boolean;
}

/** Whoever wants to hear about a job. Calls come in order and one at a time. */
export interface Listener {
  /** At the beginning, and whenever its state or counts may have changed. */
  job(job: JobDetail): void;
  finished(frame: FinishedFrame): Promise<void> | void;
  failed(frame: FailedFrame): Promise<void> | void;
  /** The broker does not answer; it is asked again until it does. */
  away(url: string): void;
  back(): void;
  event?(event: Event): Promise<void> | void;
}

export interface FollowOptions {
  /** Finds the broker anew: after a restart its address or token may be another. */
  find: () => Client;
  number: number;
  listener: Listener;
  signal: AbortSignal;
  /** Events after this cursor are told; default: from now on. */
  after?: number;
  /** Brings the files home meanwhile, until the job is over; resolves to those that it could not bring. */
  bring?: ((signal: AbortSignal) => Promise<Artifact[]>) | undefined;
}

/** How a job ended, and the files that could not be brought home. */
export interface Ending {
  job: JobDetail;
  notHome: Artifact[];
  /** Files that wait for somebody to pull them. */
  toPull: number;
}

const waitSeconds = 20;
/** With the frames done and files on their way, look at least so often, seconds. */
const waitForFilesSeconds = 2;
const retryMs = 400;

/** Resolves when the job is over and every file is home, or is held up by a problem. Rejects when `signal` is aborted. */
export async function followJob(options: FollowOptions): Promise<Ending> {
  // Whichever of the two fails ends the other.
  const both = new AbortController();
  const signal = AbortSignal.any([options.signal, both.signal]);
  const homecoming: Homecoming = { isOurs: options.bring !== undefined, left: undefined };
  const bringing = options.bring?.(signal).then(
    (left) => void (homecoming.left = left),
    (error: unknown) => both.abort(error),
  );
  try {
    return await follow({ ...options, signal }, homecoming);
  } catch (error) {
    both.abort(error);
    await bringing;
    throw error;
  }
}

/** Files that this very command brings home; `left` are those that it could not, once it is done. */
interface Homecoming {
  isOurs: boolean;
  left: Artifact[] | undefined;
}

async function follow(options: FollowOptions, homecoming: Homecoming): Promise<Ending> {
  const { listener, number, signal } = options;
  let client = options.find();
  let cursor = options.after;
  let away = false;
  let teller: ((event: Event) => Promise<void>) | undefined;
  let flush = () => Promise.resolve();
  for (;;) {
    try {
      // oxlint-disable no-await-in-loop -- one answer tells what to ask next
      cursor ??= (await readEvents(client, number, undefined, 0, signal)).cursor;
      let job = await getJob(client, String(number));
      if (away) listener.back();
      away = false;
      const waits = job.settings.home === "broker" || homecoming.isOurs;
      if (teller === undefined) ({ tell: teller, flush } = createTeller(() => client, job, listener, waits));
      listener.job(job);
      for (;;) {
        const over = job.endedAt !== null;
        const open = over && !homecoming.isOurs ? await undelivered(client, number) : [];
        const notHome = homecoming.left ?? (waits ? open : []);
        const isHome = homecoming.isOurs
          ? homecoming.left !== undefined
          : notHome.every(({ problem }) => problem !== null);
        if (over && isHome) {
          // What was told before this look at the job is heard first.
          const last = await readEvents(client, number, cursor, 0, signal);
          cursor = last.cursor;
          for (const event of last.events) await teller(event);
          if (last.events.length > 0) continue;
          await flush();
          return { job, notHome, toPull: waits ? 0 : open.length };
        }
        const wait = over ? waitForFilesSeconds : waitSeconds;
        const answer = await readEvents(client, number, cursor, wait, signal);
        cursor = answer.cursor;
        for (const event of answer.events) await teller(event);
        if (answer.events.length > 0 || over) {
          job = await getJob(client, String(number));
          listener.job(job);
        }
      }
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ProblemError && error.code === "cursor-expired") cursor = undefined;
      else if (!isPassing(error)) throw error;
      else {
        if (!away) listener.away(client.url);
        away = true;
        client = await findAgain(options);
      }
      // oxlint-enable no-await-in-loop
    }
  }
}

async function readEvents(
  client: Client,
  job: number,
  after: number | undefined,
  wait: number,
  signal: AbortSignal,
): Promise<Answer<"listEvents">> {
  return client.call<Answer<"listEvents">>("get", "/v1/events", {
    query: { job, after, waitSeconds: wait },
    signal,
  });
}

/** A broker that restarts, or is too busy for a moment. */
function isPassing(error: unknown): boolean {
  return (
    error instanceof UnreachableError ||
    (error instanceof ProblemError && (error.code === "busy" || error.code === "internal"))
  );
}

async function findAgain({ find, signal }: FollowOptions): Promise<Client> {
  for (;;) {
    // oxlint-disable-next-line no-await-in-loop -- this waits for the broker
    await pause(retryMs, undefined, { signal });
    const client = find();
    // oxlint-disable-next-line no-await-in-loop -- see above
    if (await isHealthy(client)) return client;
  }
}

/** Turns events into finished and failed frames: a frame is told when its file is home, with that file's name. */
function createTeller(client: () => Client, job: JobDetail, listener: Listener, waits: boolean) {
  let frameOf = createFrameNames(client(), job);
  let namesFrom = client();
  const waiting = createFrameFiles(job.outputPattern);
  const stepSavesFiles = new Map<string, boolean>();

  async function nameOf(step: string, ordinal: number): Promise<string | null> {
    if (client() !== namesFrom) {
      namesFrom = client();
      frameOf = createFrameNames(namesFrom, job);
    }
    return frameOf(step, ordinal);
  }

  async function savesFiles(step: string): Promise<boolean> {
    if (job.outputPattern !== null) return true;
    const known = stepSavesFiles.get(step);
    if (known !== undefined) return known;
    let found = false;
    for await (const artifact of pages<Artifact>(client(), `/v1/jobs/${job.number}/artifacts`)) {
      found = artifact.step === step;
      if (found) break;
    }
    stepSavesFiles.set(step, found);
    return found;
  }

  async function tell(event: Event): Promise<void> {
    await listener.event?.(event);
    const now = Date.parse(event.at);
    const { step, first, data } = event;
    if (step === null || first === null || data === null) return;
    const key = `${first} ${step}`;
    const about = { step, worker: textOf(data["worker"]) };
    if (event.kind === "artifact.delivered") {
      // A file that came too late, of a try whose frame has a newer one: that one is still to come.
      if (event.state === "failed" || event.state === "outdated") return;
      const done = waiting.delivered(key, textOf(data["name"]), event.state === "skipped", now);
      if (done !== undefined) await listener.finished(done);
      return;
    }
    if (event.kind !== "task.changed") return;
    for (const done of waiting.overdue(now)) await listener.finished(done);
    if (event.state === "succeeded") {
      const seconds = typeof data["seconds"] === "number" ? data["seconds"] : null;
      const done = {
        ...about,
        frame: await nameOf(step, first),
        seconds,
        device: textOf(data["device"]),
        file: null,
        kept: false,
      };
      if (waits && (await savesFiles(step))) waiting.succeeded(key, done);
      else await listener.finished(done);
    } else if (typeof data["reason"] === "string") {
      const willRetry = data["willRetry"] === true;
      await listener.failed({
        ...about,
        frame: await nameOf(step, first),
        reason: data["reason"],
        willRetry,
      });
    }
  }

  async function flush(): Promise<void> {
    for (const done of waiting.rest()) await listener.finished(done);
  }

  return { tell, flush };
}

function textOf(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
