// What happened to a job, as sentences: events of the same kind are told together. Pure.
import type { Event } from "../../contract/attempt.ts";
import type { NameOf } from "../../contract/frame-names.ts";
import type { JobState } from "../../contract/states.ts";
import { counted, jobWords, type Mark } from "../words.ts";

export interface Entry {
  /** Of the newest event in it. */
  cursor: number;
  at: string;
  mark: Mark;
  text: string;
  /** Why, where there is a reason. */
  detail: string | null;
  /** A frame to go to. */
  frame: { step: string; ordinal: number } | null;
  kind: string;
  count: number;
}

/** Adds events, oldest first, to entries, newest first; at most `most` are kept. */
export function addToActivity(
  entries: readonly Entry[],
  events: readonly Event[],
  namesOf: (step: string) => NameOf,
  most = 200,
): Entry[] {
  const next = [...entries];
  for (const event of events) {
    if (next[0] && event.cursor <= next[0].cursor) continue;
    const entry = entryOf(event, namesOf);
    if (!entry) continue;
    // Between two frames a job may wait for a moment: that it runs is told once.
    if (entry.kind === "running" && next.find((one) => states.has(one.kind))?.kind === "running") continue;
    const before = next[0];
    if (before && before.kind === entry.kind && mergeable.has(entry.kind)) {
      const count = before.count + entry.count;
      next[0] = { ...entry, count, text: textOf(entry.kind, count) };
    } else next.unshift(entry);
  }
  return next.slice(0, most);
}

/** What is told as one line however often it happened in a row. */
const mergeable = new Set(["done", "canceled", "requeued", "delivered"]);

/** Entries that say what the job is. */
const states = new Set(["running", "state"]);

function textOf(kind: string, count: number): string {
  if (kind === "delivered") return `${counted(count, "file")} came home`;
  if (kind === "requeued") return `${counted(count, "frame")} asked for again`;
  return `${counted(count, "frame")} ${kind}`;
}

function entryOf(event: Event, namesOf: (step: string) => NameOf): Entry | null {
  const base = { cursor: event.cursor, at: event.at, detail: null, frame: null, count: 1 };
  const data = event.data ?? {};
  if (event.kind === "job.created") return { ...base, kind: "created", mark: "waiting", text: "Submitted" };
  if (event.kind === "job.changed") {
    if (event.state !== null && event.state in jobWords) {
      const { word, mark } = jobWords[event.state as JobState];
      if (event.state === "queued") return null;
      if (event.state === "running") return { ...base, kind: "running", mark, text: "The job is running" };
      return { ...base, kind: "state", mark, text: `The job is ${word}` };
    }
    if (typeof data["priority"] === "number")
      return { ...base, kind: "priority", mark: "waiting", text: `Priority is ${data["priority"]} now` };
    // What was asked for shows at once as the job's state; only a reason says more.
    if (typeof data["reason"] === "string")
      return { ...base, kind: "stop", mark: "failed", text: "Stopped", detail: data["reason"] };
    return null;
  }
  if (event.kind === "artifact.delivered") {
    if (event.state === "delivered")
      return { ...base, kind: "delivered", mark: "done", text: textOf("delivered", 1) };
    if (event.state !== "failed") return null;
    const detail = typeof data["problem"] === "string" ? data["problem"] : null;
    return {
      ...base,
      kind: "away",
      mark: "failed",
      text: `${text(data["name"]) ?? "A file"} is not home`,
      detail,
    };
  }
  if (event.kind !== "task.changed" || event.step === null || event.first === null) return null;
  const count = (event.last ?? event.first) - event.first + 1;
  const frame = { step: event.step, ordinal: event.first };
  if (data["requeued"] === true)
    return { ...base, kind: "requeued", mark: "waiting", text: textOf("requeued", count), count };
  if (event.state === "succeeded")
    return { ...base, kind: "done", mark: "done", text: textOf("done", count), count };
  if (event.state === "canceled")
    return { ...base, kind: "canceled", mark: "canceled", text: textOf("canceled", count), count };
  const reason = text(data["reason"]);
  if (reason === null) return null;
  const name = `Frame ${namesOf(event.step)(event.first)}`;
  const where = text(data["worker"]);
  const what = data["willRetry"] === true ? "did not succeed and is tried again" : "failed";
  return {
    ...base,
    frame,
    kind: "failed",
    mark: data["willRetry"] === true ? "paused" : "failed",
    text: `${name} ${what}${where === null ? "" : ` (${where})`}`,
    detail: reason,
  };
}

const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
