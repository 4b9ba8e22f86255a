// The feed's constants and small grammars, without any library: the page, the CLI and the broker all carry them.
import { taskStates, type TaskState } from "./states.ts";

/** The only version there is. Within it fields and kinds are added, never renamed: skip what you do not know. */
export const FEED_VERSION = 1;
export const feedPath = "/v1/feed";

/** Why the broker closed a feed. */
export const closeCodes = {
  /** The broker stops: come back in a moment, with the cursor. */
  stopping: 1001,
  /** The broker made a mistake: come back with the cursor, nothing is lost. */
  mistake: 1011,
  /** The topics or the cursor cannot be read, or a message was sent: the feed takes none. */
  badRequest: 4400,
  unauthenticated: 4401,
  forbidden: 4403,
  /** There is no such job or try. */
  notFound: 4404,
  /** Another version of the feed was asked for (`?v=`). */
  version: 4409,
  /** The reader was too slow, or there are too many: come back with the cursor, nothing is lost. */
  tooSlow: 4429,
} as const;

/** Codes after which asking again is of no use. */
export const finalCloseCodes: readonly number[] = [
  closeCodes.badRequest,
  closeCodes.unauthenticated,
  closeCodes.forbidden,
  closeCodes.notFound,
  closeCodes.version,
];

/** One letter a task, in the order of the ordinals. */
export const stateLetters: Readonly<Record<TaskState, string>> = {
  blocked: "b",
  ready: "q",
  running: "r",
  succeeded: "s",
  failed: "f",
  canceled: "c",
};

export interface PackedStates {
  encoding: "chars" | "runs";
  text: string;
}

/** Letters as they are, or as runs (`4998s1r1q`), whichever is shorter. */
export function packStates(letters: string): PackedStates {
  const runs: string[] = [];
  let length = 0;
  for (let from = 0; from < letters.length && length < letters.length;) {
    const letter = letters[from] as string;
    let to = from + 1;
    while (letters[to] === letter) to++;
    const run = `${to - from}${letter}`;
    runs.push(run);
    length += run.length;
    from = to;
  }
  return length < letters.length
    ? { encoding: "runs", text: runs.join("") }
    : { encoding: "chars", text: letters };
}

/** The states of a step, a byte a task: an index into `taskStates`. Throws an Error for text that is none. */
export function unpackStates({ encoding, text }: PackedStates): Uint8Array {
  if (encoding === "chars") return Uint8Array.from(text, indexOf);
  const runs = [...text.matchAll(/(\d+)([a-z])/g)].map((run) => ({
    count: Number(run[1]),
    state: indexOf(run[2] as string),
  }));
  const states = new Uint8Array(runs.reduce((sum, { count }) => sum + count, 0));
  let at = 0;
  for (const { count, state } of runs) states.fill(state, at, (at += count));
  return states;
}

function indexOf(letter: string): number {
  const index = taskStates.findIndex((state) => stateLetters[state] === letter);
  if (index < 0) throw new Error(`There is no task state ${letter}.`);
  return index;
}

/** What one reader wants to hear of; lists sorted, each once. */
export interface Topics {
  jobs: boolean;
  workers: boolean;
  /** Numbers of jobs. */
  jobNumbers: readonly number[];
  /** Numbers of attempts whose log is followed. */
  attempts: readonly number[];
}

export const maxTopics = 100;

/** Reads `jobs,job:12,workers,log:att_7`; null when it is none. */
export function parseTopics(text: string): Topics | null {
  const names = text.split(",");
  if (names.length > maxTopics) return null;
  const jobNumbers = new Set<number>();
  const attempts = new Set<number>();
  for (const name of names) {
    const job = /^job:(?:job_)?([1-9]\d{0,14})$/.exec(name);
    const log = /^log:att_([1-9]\d{0,14})$/.exec(name);
    if (job) jobNumbers.add(Number(job[1]));
    else if (log) attempts.add(Number(log[1]));
    else if (name !== "jobs" && name !== "workers") return null;
  }
  const sorted = (numbers: Set<number>) => [...numbers].toSorted((a, b) => a - b);
  return {
    jobs: names.includes("jobs"),
    workers: names.includes("workers"),
    jobNumbers: sorted(jobNumbers),
    attempts: sorted(attempts),
  };
}

/** The topics as the broker names them in its messages: `job:12` however it was asked for. */
export function topicNames(topics: Topics): string[] {
  return [
    ...(topics.jobs ? ["jobs"] : []),
    ...topics.jobNumbers.map((number) => `job:${number}`),
    ...(topics.workers ? ["workers"] : []),
    ...topics.attempts.map((number) => `log:att_${number}`),
  ];
}

/** A place in the history of one database: `<epoch>.<n>`. */
export interface Cursor {
  epoch: string;
  n: number;
}

/** Reads a cursor; null when it is none. */
export function parseCursor(text: string): Cursor | null {
  const match = /^([0-9a-z]{1,32})\.(\d{1,15})$/.exec(text);
  return match && { epoch: match[1] as string, n: Number(match[2]) };
}
