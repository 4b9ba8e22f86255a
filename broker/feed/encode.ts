// Events as messages: which of them a set of topics hears, and their text, of which each piece is made once.
import type { Event } from "../contract/attempt.ts";
import { FEED_VERSION } from "../contract/feed-words.ts";
import type { Group } from "./reader.ts";
import type { Moment } from "./resources.ts";

/** Events that were read together. */
export interface Batch {
  events: readonly Event[];
  /** Index of the newest event of each job. */
  newest: ReadonlyMap<number, number>;
  moment: Moment;
  /** JSON of each event without its closing brace, made when first asked for. */
  texts: string[];
}

/** Prepares events for many readers. */
export function batchOf(events: readonly Event[], moment: Moment): Batch {
  const newest = new Map<number, number>();
  for (const [index, { jobNumber }] of events.entries()) if (jobNumber !== null) newest.set(jobNumber, index);
  return { events, newest, moment, texts: [] };
}

/** The message of one set of topics, or null when nothing in it is theirs. */
export function encodeEvents(
  batch: Batch,
  { topics, jobNumbers }: Pick<Group, "topics" | "jobNumbers">,
  cursor: string,
): Buffer | null {
  const parts: string[] = [];
  for (const [index, event] of batch.events.entries()) {
    const { jobNumber } = event;
    if (jobNumber === null) {
      if (topics.workers && event.kind === "worker.changed") parts.push(withWorker(batch, index, event));
      if (topics.workers && event.kind === "pool.changed") parts.push(`${textOf(batch, index, event)}}`);
      continue;
    }
    const isOfJob = event.kind === "job.created" || event.kind === "job.changed";
    const isNewest = batch.newest.get(jobNumber) === index;
    const own = jobNumbers.has(jobNumber);
    // Who follows all jobs hears of their frames by counts: the newest event tells them.
    if (!own && !(topics.jobs && (isOfJob || isNewest))) continue;
    const text = textOf(batch, index, event);
    const job = isOfJob || isNewest ? batch.moment.job(jobNumber, own) : undefined;
    parts.push(job === undefined ? `${text}}` : `${text},"job":${job}}`);
  }
  if (parts.length === 0) return null;
  return Buffer.from(
    `{"v":${FEED_VERSION},"type":"events","cursor":"${cursor}","events":[${parts.join(",")}]}`,
  );
}

function withWorker(batch: Batch, index: number, event: Event): string {
  const worker = batch.moment.worker(event);
  const text = textOf(batch, index, event);
  return worker === undefined ? `${text}}` : `${text},"worker":${worker}}`;
}

function textOf(batch: Batch, index: number, event: Event): string {
  return (batch.texts[index] ??= JSON.stringify(event).slice(0, -1));
}
