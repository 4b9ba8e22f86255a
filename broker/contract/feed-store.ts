// What a reader of the feed knows: messages are applied to it by "replace by id", so that a repeated one is harmless.
import type {
  FeedEvent,
  FeedJobDetail,
  FeedMessage,
  FeedMessageOf,
  LogLength,
  TaskProgress,
} from "./feed.ts";
import { unpackStates } from "./feed-words.ts";
import type { Job } from "./job.ts";
import { isHere, taskStates } from "./states.ts";
import type { Worker } from "./worker.ts";

export interface StepView {
  /** A byte a task: an index into `taskStates`. Changed in place. */
  states: Uint8Array;
  /** Frame numbers in the order of ordinals, as a range expression. */
  frames: string | null;
}

export interface FeedStore {
  /** By number. */
  jobs: Map<number, Job>;
  /** How many jobs were here and are remembered no longer: they ended too long ago. */
  forgotten: number;
  /** Jobs of `job:` topics, by number. */
  details: Map<number, FeedJobDetail>;
  /** Their steps by name, by job number. */
  steps: Map<number, Map<string, StepView>>;
  /** Those that are here, and paused ones that are away, by id. */
  workers: Map<string, Worker>;
  /** Names of pools that are paused as a whole. */
  pausedPools: Set<string>;
  /** Log lengths by attempt id. */
  logs: Map<string, LogLength>;
  /** Of frames that are begun, by `progressKey`: one that is running and not here waits for its turn on its worker. */
  progress: Map<string, TaskProgress>;
}

/** An empty store. */
export function createFeedStore(): FeedStore {
  return {
    jobs: new Map(),
    forgotten: 0,
    details: new Map(),
    steps: new Map(),
    workers: new Map(),
    pausedPools: new Set(),
    logs: new Map(),
    progress: new Map(),
  };
}

/** The key of one task in `progress`. */
export function progressKey(job: number, step: string, ordinal: number): string {
  return `${job}/${ordinal}/${step}`;
}

/** Jobs that ended and are still remembered; a snapshot has the newest 200. */
const rememberedEnded = 1000;

/** Collects the pages of a topic, and puts them into the store together with the last. */
export function createFeedApplier(store: FeedStore): (message: FeedMessage) => void {
  let pages: Job[] = [];
  let workerPages: Worker[] = [];

  function snapshot(message: FeedMessageOf<"snapshot">): void {
    const { jobs, job, states = [], workers, pausedPools, log } = message;
    if (jobs) {
      if (message.part === 0) pages = [];
      pages.push(...jobs);
      if (message.last) store.jobs = new Map(pages.map((one) => [one.number, one]));
    }
    if (job) {
      store.details.set(job.number, job);
      store.steps.set(
        job.number,
        new Map(states.map((one) => [one.step, { states: unpackStates(one), frames: one.frames }])),
      );
      for (const [key, one] of store.progress) if (one.jobNumber === job.number) store.progress.delete(key);
    }
    if (workers) {
      if (message.part === 0) workerPages = [];
      workerPages.push(...workers);
      if (message.last) store.workers = new Map(workerPages.map((one) => [one.id, one]));
    }
    if (pausedPools) store.pausedPools = new Set(pausedPools);
    if (log) store.logs.set(log.attemptId, log);
  }

  return (message) => {
    switch (message.type) {
      case "snapshot":
        return snapshot(message);
      case "events":
        for (const event of message.events) applyEvent(store, event);
        return forgetOldest(store);
      case "progress":
        for (const one of message.tasks)
          store.progress.set(progressKey(one.jobNumber, one.step, one.ordinal), one);
        for (const now of message.workers) {
          const known = store.workers.get(now.id);
          if (known) store.workers.set(now.id, { ...known, ...now });
        }
        return;
      case "log": {
        const { attemptId, bytes, complete } = message;
        store.logs.set(attemptId, { attemptId, bytes, complete });
        return;
      }
      default:
      // A later broker may say more than this knows.
    }
  };
}

function applyEvent(store: FeedStore, event: FeedEvent): void {
  const { job, worker, jobNumber } = event;
  if (job) {
    const { steps, failures, ...small } = job;
    store.jobs.set(job.number, small);
    const detail = store.details.get(job.number);
    if (detail && steps && failures) store.details.set(job.number, { ...detail, ...small, steps, failures });
  }
  if (worker) {
    if (isHere(worker) || worker.intent === "pause") store.workers.set(worker.id, worker);
    else store.workers.delete(worker.id);
  }
  if (event.kind === "pool.changed") applyPool(store, event);
  if (event.kind !== "task.changed" || jobNumber === null || event.first === null) return;
  const { step, first, last } = event;
  const view = step === null ? undefined : store.steps.get(jobNumber)?.get(step);
  const state = taskStates.findIndex((one) => one === event.state);
  if (!view || step === null || state < 0) return;
  const end = last ?? first;
  view.states.fill(state, first, end + 1);
  // Whatever was said of these frames was said of an earlier try; but one that is running now may be begun already.
  if (event.state === "running") return;
  for (const [key, one] of store.progress)
    if (one.jobNumber === jobNumber && one.step === step && one.ordinal >= first && one.ordinal <= end)
      store.progress.delete(key);
}

function applyPool(store: FeedStore, { data }: FeedEvent): void {
  const pool = data?.["pool"];
  if (typeof pool !== "string") return;
  if (data?.["intent"] === "pause") store.pausedPools.add(pool);
  else store.pausedPools.delete(pool);
}

/** A page that is open for weeks does not remember every job there was. */
function forgetOldest(store: FeedStore): void {
  if (store.jobs.size <= rememberedEnded) return;
  const ended = [...store.jobs.values()].filter((job) => job.endedAt !== null);
  if (ended.length <= rememberedEnded) return;
  const sorted = ended.toSorted((a, b) => ((a.endedAt ?? "") < (b.endedAt ?? "") ? -1 : 1));
  const oldest = sorted.slice(0, ended.length - rememberedEnded / 2);
  for (const job of oldest) store.jobs.delete(job.number);
  store.forgotten += oldest.length;
}
