// What a reader must know before events make sense: read at one cursor in one transaction of a connection of its own, in
// slices, so that opening a job of 100,000 frames makes nobody wait; kept for the next reader of the same topics.
import { setImmediate as nextTurn } from "node:timers/promises";
import { drizzle } from "drizzle-orm/better-sqlite3";
import type { FeedJobDetail, FeedMessageOf, StepStates } from "../contract/feed.ts";
import { FEED_VERSION, packStates, type Topics } from "../contract/feed-words.ts";
import type { Broker } from "../service/broker.ts";
import { describeWorkers } from "../service/describe-workers.ts";
import { newestCursor } from "../store/events.ts";
import {
  openSnapshotReader,
  prunedTo,
  readJob,
  readLetters,
  readParameters,
  readSteps,
  shownJobs,
} from "../store/feed.ts";
import { pausedPools } from "../store/pools.ts";
import { failuresOf } from "../store/read-jobs.ts";
import { rowsOf } from "../store/tx.ts";
import { framesText } from "./frames.ts";

export interface Snapshot {
  cursor: number;
  /** The messages, encoded. */
  parts: Buffer[];
}

export interface Snapshots {
  /** A snapshot of these topics, not older than some events; the events behind it bring it up to date. Undefined: closed. */
  of(key: string, topics: Topics): Promise<Snapshot | undefined>;
  close(): Promise<void>;
}

/** Jobs that are over and still shown; jobs and workers told in one part; tasks read between two turns of the loop. */
const shownEnded = 200;
const pageRows = 200;
const sliceTasks = 5000;
/** A kept snapshot may be so many events old; so many bytes are kept. */
const maxAge = 2000;
const maxKeptBytes = 4 * 1024 * 1024;
const rememberedSteps = 500;

/** Makes the builder over a connection of its own to the database at `path`. */
export function createSnapshots(broker: Broker, path: string, epoch: string): Snapshots {
  const reader = openSnapshotReader(path);
  const rows = rowsOf(reader);
  const db = drizzle(reader);
  const kept = new Map<string, Snapshot>();
  const pending = new Map<string, Promise<Snapshot | undefined>>();
  /** Frame numbers of steps, which never change. */
  const frames = new Map<number, string | null>();
  let turn: Promise<unknown> = Promise.resolve();
  let closed = false;

  async function build(topics: Topics): Promise<Snapshot> {
    reader.exec("BEGIN");
    try {
      const cursor = newestCursor(reader);
      const parts: Buffer[] = [];
      const say = (part: Omit<FeedMessageOf<"snapshot">, "v" | "type" | "cursor">) =>
        parts.push(
          Buffer.from(
            JSON.stringify({ v: FEED_VERSION, type: "snapshot", cursor: `${epoch}.${cursor}`, ...part }),
          ),
        );
      if (topics.jobs) {
        await inPages(shownJobs(rows, shownEnded), (ids, part, last) => {
          const jobs = ids.map((id) => readJob(rows, id)).filter((job) => job !== undefined);
          say({ topic: "jobs", part, last, jobs });
        });
      }
      for (const number of topics.jobNumbers) {
        // oxlint-disable-next-line no-await-in-loop -- one transaction, one thing after the other
        const found = await jobOf(number);
        if (found) say({ topic: `job:${number}`, part: 0, last: true, ...found });
      }
      if (topics.workers) {
        const paused = pausedPools(rows);
        await inPages(describeWorkers(broker, rows, db, false), (workers, part, last) =>
          say({ topic: "workers", part, last, workers, pausedPools: paused }),
        );
      }
      return { cursor, parts };
    } finally {
      reader.exec("COMMIT");
    }
  }

  async function jobOf(number: number): Promise<{ job: FeedJobDetail; states: StepStates[] } | undefined> {
    const job = readJob(rows, number);
    if (!job) return undefined;
    const { plan, settings } = broker.plans.of(number);
    const steps = readSteps(rows, number);
    const states: StepStates[] = [];
    for (const step of steps) {
      let letters = "";
      for (let from = 0; from < step.taskCount; from += sliceTasks) {
        letters += readLetters(rows, step.id, from, sliceTasks);
        // oxlint-disable-next-line no-await-in-loop -- others have their turn
        await nextTurn();
      }
      const planned = plan.steps[step.index];
      if (planned && !frames.has(step.id)) {
        if (frames.size >= rememberedSteps) frames.clear();
        // oxlint-disable-next-line no-await-in-loop -- one after the other
        frames.set(step.id, await framesText(planned, settings.frameParameter));
      }
      states.push({ step: step.name, ...packStates(letters), frames: frames.get(step.id) ?? null });
    }
    const failed = steps.filter((step) => step.counts.failed > 0);
    const detail = {
      ...job,
      steps: steps.map(({ id: _, ...step }) => step),
      parameters: readParameters(rows, number),
      framesPerSecond: settings.framesPerSecond ?? null,
      failures: failed.flatMap((step) => failuresOf(db, step)),
    };
    return { job: detail, states };
  }

  function keep(key: string, snapshot: Snapshot): void {
    kept.delete(key);
    kept.set(key, snapshot);
    let bytes = 0;
    for (const [other, { parts }] of [...kept].toReversed()) {
      bytes += parts.reduce((sum, part) => sum + part.length, 0);
      if (bytes > maxKeptBytes) kept.delete(other);
    }
  }

  return {
    of(key, topics) {
      const known = kept.get(key);
      if (
        known &&
        newestCursor(broker.reader) - known.cursor <= maxAge &&
        known.cursor >= prunedTo(broker.rows)
      )
        return Promise.resolve(known);
      let made = pending.get(key);
      if (!made) {
        made = turn.then(async () => {
          if (closed) return undefined;
          const snapshot = await build(topics);
          keep(key, snapshot);
          return snapshot;
        });
        pending.set(key, made);
        turn = made.catch(() => undefined).finally(() => pending.delete(key));
      }
      return made;
    },
    async close() {
      closed = true;
      await turn;
      reader.close();
    },
  };
}

/** Hands out a list page by page, at least one, with a turn of the loop after each. */
async function inPages<T>(
  all: readonly T[],
  page: (items: T[], part: number, last: boolean) => void,
): Promise<void> {
  for (let from = 0, part = 0; part === 0 || from < all.length; from += pageRows, part++) {
    page(all.slice(from, from + pageRows), part, from + pageRows >= all.length);
    // oxlint-disable-next-line no-await-in-loop -- others have their turn
    await nextTurn();
  }
}
