// Follows one job to its end: its feed in, what a person wants to hear out. Outlives the broker's restarts.
import { ProblemError, type Answer, type Client } from "../contract/client.ts";
import type { Artifact, Event } from "../contract/attempt.ts";
import type { FeedStore } from "../contract/feed-store.ts";
import type { FeedJobDetail, FeedMessage } from "../contract/feed.ts";
import type { JobDetail } from "../contract/job.ts";
import { createAsking, type Asking } from "./asking.ts";
import { Failure } from "./failure.ts";
import { openJobFeed, type Gap, type JobFeed } from "./job-feed.ts";
import { getJob, undelivered } from "./job-reads.ts";
import { failureLines } from "./job-words.ts";
import { tally } from "./own-name.ts";
import { createTeller, type Teller } from "./tell-frames.ts";

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

/** Whoever wants to hear about a job. Calls come in order and one at a time, but `away`, `back` and `message` at once. */
export interface Listener {
  /** Topics of the feed that it hears besides the job's own. */
  topics?: readonly string[];
  /** At the beginning, and whenever its state or counts may have changed. */
  job(job: FollowedJob): void;
  finished(frame: FinishedFrame): Promise<void> | void;
  failed(frame: FailedFrame): Promise<void> | void;
  /** The broker does not answer, or `why` in a sentence; it is asked again until it does. */
  away(url: string, why?: string): void;
  back(): void;
  event?(event: Event): Promise<void> | void;
  /** Events are missing from here on backwards; `lost` frames that were done are not done any more. */
  gap?(gap: Gap, lost: number, job: JobDetail): Promise<void> | void;
  /** What the feed says, and what is true then. */
  message?(message: FeedMessage, store: FeedStore): void;
}

/** A job as the feed tells it, and what it does not. */
export type FollowedJob = FeedJobDetail & JobDetail;

export interface FollowOptions {
  /** Finds the broker, and anew after a restart: its address or token may then be another. */
  find: () => Client;
  number: number;
  /** Makes whoever listens; they ask this broker, wherever it is by then. */
  listen: (broker: Asking) => Listener;
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
  /** Which frames failed, and why, in lines. */
  failed: readonly string[];
}

/** Why frames failed is said at the end in so many lines. */
const shownReasons = 5;
/** With the frames done and files on their way: looks at least and at most so often, ms. */
const lookAtLeastMs = 2000;
const lookAtMostMs = 250;

/** Resolves when the job is over and every file is home, or is held up by a problem. Rejects when `signal` is aborted. */
export async function followJob(options: FollowOptions): Promise<Ending> {
  const { number } = options;
  // Whichever of the two fails ends the other.
  const both = new AbortController();
  const signal = AbortSignal.any([options.signal, both.signal]);
  const broker = createAsking(options.find, signal);
  const listener = options.listen(broker);
  const feed = await openJobFeed({
    broker,
    number,
    signal,
    topics: listener.topics,
    onMessage: (message, store) => listener.message?.(message, store),
    onAway: (url, why) => listener.away(url, why),
    onBack: () => listener.back(),
  });
  const homecoming: Homecoming = { isOurs: options.bring !== undefined, left: undefined };
  const bringing = options.bring?.(signal).then(
    (left) => {
      homecoming.left = left;
      feed.poke();
    },
    (error: unknown) => both.abort(error),
  );
  try {
    return await follow(options, listener, feed, homecoming);
  } catch (error) {
    both.abort(error);
    await bringing;
    throw error;
  } finally {
    feed.close();
  }
}

/** Files that this very command brings home; `left` are those that it could not, once it is done. */
interface Homecoming {
  isOurs: boolean;
  left: Artifact[] | undefined;
}

async function follow(
  { number, after }: FollowOptions,
  listener: Listener,
  feed: JobFeed,
  homecoming: Homecoming,
): Promise<Ending> {
  let rest: Untold | undefined;
  let teller: Teller | undefined;
  let cursor = 0;
  let wait: number | undefined;
  let lookedAt = -Infinity;
  for (;;) {
    // oxlint-disable no-await-in-loop -- one thing after the other, as it happened
    const news = await feed.next(wait);
    if (news?.kind === "now") rest = await feed.ask((client) => restOf(client, number));
    const shown = feed.store.details.get(number);
    if (rest === undefined || shown === undefined) continue;
    const job = { ...shown, ...rest };
    const waits = job.settings.home === "broker" || homecoming.isOurs;
    if (teller === undefined) {
      teller = createTeller(feed, job, listener, waits);
      listener.job(job);
      if (news?.kind === "now" && after !== undefined) await teller.tellHistory(after, news.cursor);
    }
    if (news?.kind === "now" && news.gap !== null) {
      refuseAnother(news.gap, job);
      await listener.gap?.(news.gap, await teller.tellGap(news.gap), job);
    }
    if (news?.kind === "events") for (const event of news.events) await teller.tell(event);
    if (news !== undefined) ({ cursor } = news);
    listener.job(job);
    wait = undefined;
    if (job.endedAt === null || feed.waiting > 0 || !feed.isLive) continue;
    wait = lookedAt + lookAtMostMs - performance.now();
    if (wait > 0) continue;
    wait = lookAtLeastMs;
    const open = homecoming.isOurs ? [] : await feed.ask((client) => undelivered(client, number));
    lookedAt = performance.now();
    const notHome = homecoming.left ?? (waits ? open : []);
    const isHome = homecoming.isOurs
      ? homecoming.left !== undefined
      : notHome.every(({ problem }) => problem !== null);
    // What happened before this look is heard first.
    if (!isHome || (await isBehind(feed, number, cursor))) continue;
    await teller.flush();
    const names = teller;
    const failed = await failureLines(job, (step, ordinal) => names.nameOf(step, ordinal), shownReasons);
    return { job, notHome, toPull: waits ? 0 : open.length, failed };
    // oxlint-enable no-await-in-loop
  }
}

/** What the feed does not tell of a job. */
type Untold = Omit<JobDetail, keyof FeedJobDetail>;

async function restOf(client: Client, number: number): Promise<Untold> {
  const { settings, pausedPools, pausedWorkers } = await getJob(client, String(number));
  return { settings, pausedPools, pausedWorkers };
}

/** A database from a backup may know another job by this number. */
function refuseAnother({ job: before }: Gap, now: JobDetail): void {
  if (before.createdAt === now.createdAt) return;
  throw new Failure(
    `The broker has another database now, in which job ${now.number} is another job (${now.name}). The jobs that are there: ${tally("ls")}`,
  );
}

/** Whether the feed has yet to tell something that happened by now. */
function isBehind(feed: JobFeed, job: number, cursor: number): Promise<boolean> {
  return feed.ask(async (client) => {
    const query = { job, after: cursor, limit: 1 };
    try {
      const { events } = await client.call<Answer<"listEvents">>("get", "/v1/events", { query });
      return events.length > 0;
    } catch (error) {
      // So old that it was forgotten: then there is nothing newer of this job either.
      if (error instanceof ProblemError && error.code === "cursor-expired") return false;
      throw error;
    }
  });
}
