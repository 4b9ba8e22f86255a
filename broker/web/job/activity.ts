// What happened to a job, as sentences: what is of one kind within a stretch of time is told together. Pure.
import type { Event } from "../../contract/attempt.ts";
import type { JobState } from "../../contract/states.ts";
import { counted, jobWords, type Mark } from "../words.ts";
import type { Names } from "./names.ts";

type Run = [first: number, last: number];

export interface Entry {
  /** Of the newest event in it. */
  cursor: number;
  at: string;
  /** Of the first one, ms. */
  since: number;
  mark: Mark | "again";
  text: string;
  /** Why, where there is a reason. */
  detail: string | null;
  /** A frame to go to. */
  frame: { step: string; ordinal: number } | null;
  kind: Kind;
  /** Its frames; null where it is about none. */
  of: Frames | null;
  /** Files that came home. */
  files: number;
}

type Kind = "job" | "running" | "state" | "away" | "requeued" | FlowKind;
type FlowKind = "done" | "canceled" | "failed" | "again" | "delivered";

interface Frames {
  step: string;
  count: number;
  /** By ordinal, in order; null where they are too scattered to be named. */
  runs: readonly Run[] | null;
  /** Who had them; null: several, or nobody knows. */
  worker: string | null;
}

/** What comes and comes while a job renders; anything else ends a stretch. */
const flow: ReadonlySet<Kind> = new Set<Kind>(["done", "canceled", "failed", "again", "delivered"]);
/** What is told together happened within this, ms. */
const stretchMs = 10 * 60_000;
/** Frames are named when they are so many runs at most; more are kept for a while, as gaps between them close. */
const namedRuns = 5;
const keptRuns = 40;

/** Adds events, oldest first, to entries, newest first; at most `most` are kept. */
export function addToActivity(
  entries: readonly Entry[],
  events: readonly Event[],
  names: Names,
  most = 200,
): Entry[] {
  const next = [...entries];
  for (const event of events) {
    if (next[0] && event.cursor <= next[0].cursor) continue;
    const entry = entryOf(event);
    if (!entry) continue;
    // Between two frames a job may wait for a moment: that it runs is told once.
    if (entry.kind === "running" && next.find(({ kind }) => states.has(kind))?.kind === "running") continue;
    const at = placeOf(next, entry);
    const [before] = at < 0 ? [] : next.splice(at, 1);
    const told = before ? together(before, entry) : entry;
    next.unshift(told.of || told.files > 0 ? { ...told, text: textOf(told, names) } : told);
  }
  return next.slice(0, most);
}

/** Entries that say what the job is. */
const states: ReadonlySet<Kind> = new Set<Kind>(["running", "state"]);

/** Which entry tells the same of other frames; -1 for none. */
function placeOf(entries: readonly Entry[], { kind, since, of, detail }: Entry): number {
  for (const [at, one] of entries.entries()) {
    const isSame = one.kind === kind && one.of?.step === of?.step && one.detail === detail;
    if (isSame && kind === "requeued") return at;
    if (!flow.has(kind) || !flow.has(one.kind) || since - one.since > stretchMs) return -1;
    // Files that came home are told with the frames that made them.
    if (isSame || (kind === "delivered" && one.kind === "done" && one.of?.step === of?.step)) return at;
  }
  return -1;
}

function together(before: Entry, entry: Entry): Entry {
  const files = before.files + entry.files;
  const { cursor, at, frame } = entry;
  if (entry.kind === "delivered" || !before.of || !entry.of) return { ...before, cursor, at, files };
  const worker = before.of.worker === entry.of.worker ? before.of.worker : null;
  const [run] = entry.of.runs ?? [];
  const runs = run && before.of.runs ? withRun(before.of.runs, run) : null;
  // The same frame may not succeed twice.
  const count = runs?.reduce((sum, [from, to]) => sum + to - from + 1, 0);
  const of = { ...before.of, count: count ?? before.of.count + entry.of.count, runs, worker };
  return { ...before, cursor, at, frame, files, of };
}

function withRun(runs: readonly Run[], [first, last]: Run): Run[] | null {
  const apart = runs.filter(([from, to]) => to < first - 1 || from > last + 1);
  const touched = runs.filter(([from, to]) => to >= first - 1 && from <= last + 1);
  const whole: Run = [
    Math.min(first, ...touched.map(([from]) => from)),
    Math.max(last, ...touched.map(([, to]) => to)),
  ];
  const all = [...apart, whole].toSorted(([a], [b]) => a - b);
  return all.length > keptRuns ? null : all;
}

const done: Readonly<Partial<Record<Kind, [one: string, many: string]>>> = {
  done: ["done", "done"],
  canceled: ["canceled", "canceled"],
  requeued: ["asked for again", "asked for again"],
  failed: ["failed", "failed"],
  again: ["did not succeed and is tried again", "did not succeed and are tried again"],
};

function textOf({ kind, of, files }: Entry, names: Names): string {
  const home = files === 0 ? "" : `${counted(files, "file")} came home`;
  const words = done[kind];
  if (!of || !words) return home;
  const { step, count, runs, worker } = of;
  const where = worker === null || (kind !== "failed" && kind !== "again") ? "" : ` (${worker})`;
  const [first] = runs ?? [];
  const said =
    count === 1 && first
      ? `${names.titleOf(step, first[0])} ${words[0]}${where}`
      : `${counted(count, "frame")} ${words[1]}${where}${runs ? listOf(step, runs, names) : ""}`;
  return home === "" ? said : `${said}, ${home}`;
}

/** `: 14–25, 30`, or nothing where they are many. */
function listOf(step: string, runs: readonly Run[], names: Names): string {
  if (runs.length > namedRuns) return "";
  const nameOf = names.of(step);
  const parts = runs.map(([from, to]) => (from === to ? nameOf(from) : `${nameOf(from)}–${nameOf(to)}`));
  return `: ${names.hasSteps ? `${step} ` : ""}${parts.join(", ")}`;
}

function entryOf(event: Event): Entry | null {
  const since = Date.parse(event.at);
  const base = { cursor: event.cursor, at: event.at, since, detail: null, frame: null, of: null, files: 0 };
  const data = event.data ?? {};
  if (event.kind === "job.created") return { ...base, kind: "job", mark: "waiting", text: "Submitted" };
  if (event.kind === "job.changed") {
    if (event.state !== null && event.state in jobWords) {
      const { word, mark } = jobWords[event.state as JobState];
      if (event.state === "queued") return null;
      if (event.state === "running") return { ...base, kind: "running", mark, text: "The job is running" };
      return { ...base, kind: "state", mark, text: `The job is ${word}` };
    }
    if (typeof data["priority"] === "number")
      return { ...base, kind: "job", mark: "waiting", text: `Priority is ${data["priority"]} now` };
    // What was asked for shows at once as the job's state; only a reason says more.
    if (typeof data["reason"] === "string")
      return { ...base, kind: "job", mark: "failed", text: "Stopped", detail: data["reason"] };
    return null;
  }
  const { step, first } = event;
  if (event.kind === "artifact.delivered") {
    const of = step === null || first === null ? null : { step, count: 0, runs: null, worker: null };
    if (event.state === "delivered")
      return { ...base, kind: "delivered", mark: "done", text: "", of, files: 1 };
    if (event.state !== "failed") return null;
    return {
      ...base,
      kind: "away",
      mark: "failed",
      text: `${text(data["name"]) ?? "A file"} is not home`,
      detail: text(data["problem"]),
    };
  }
  if (event.kind !== "task.changed" || step === null || first === null) return null;
  const last = event.last ?? first;
  const worker = text(data["worker"]);
  const of: Frames = { step, count: last - first + 1, runs: [[first, last]], worker };
  const mine = { ...base, of, text: "" };
  if (data["requeued"] === true) return { ...mine, kind: "requeued", mark: "waiting" };
  if (event.state === "succeeded") return { ...mine, kind: "done", mark: "done" };
  if (event.state === "canceled") return { ...mine, kind: "canceled", mark: "canceled" };
  const detail = text(data["reason"]);
  if (detail === null) return null;
  const frame = { step, ordinal: first };
  return data["willRetry"] === true
    ? { ...mine, kind: "again", mark: "again", detail, frame }
    : { ...mine, kind: "failed", mark: "failed", detail, frame };
}

const text = (value: unknown): string | null => (typeof value === "string" && value !== "" ? value : null);
