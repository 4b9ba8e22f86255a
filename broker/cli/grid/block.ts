// A job as a few lines of a terminal: its lights, counts, times, and the frames in work. Pure: what is known, a size, lines.
import { estimateOf } from "../../contract/estimate.ts";
import type { StepView } from "../../contract/feed-store.ts";
import type { FeedJobDetail } from "../../contract/feed.ts";
import { stateWord, stateWords } from "../../contract/state-words.ts";
import type { Timings } from "../../contract/timings.ts";
import { columnsOf, fit } from "../columns.ts";
import { counted, duration, rangeOf, roughly, shortPath } from "../humane.ts";
import { plain, type Colour } from "../style.ts";
import { lightLooks, markOf, type Light } from "./lights.ts";
import { stepRows } from "./steps.ts";
import { lineOf, spread, widthOfAll, type Look, type Piece } from "./text.ts";
import { workRows, type FrameInWork } from "./work.ts";

/** What is known of a job. */
export interface JobView {
  job: FeedJobDetail;
  /** The frames of each step, by its name. */
  steps: ReadonlyMap<string, StepView>;
  timings: Timings;
  /** Machines that are at work on it. */
  machines: number;
  work: readonly FrameInWork[];
  /** The file that came home last. */
  newest: string | null;
  /** Nothing more of it begins until somebody lets it go on. */
  isHeld: boolean;
  /** The broker does not answer: this is how it was. */
  isAway: boolean;
  /** Nothing more comes: what stays in the terminal. */
  isFinal: boolean;
  /** ms since 1970. */
  now: number;
}

export interface Size {
  columns: number;
  rows: number;
}

/** Above this the block grows no more: what was said before it stays in sight, and the ends of a line belong together. */
const mostLines = 30;
const mostColumns = 120;
/** So much of a job's name is said before anything else beside it. */
const leastName = 12;

/** The lines, none wider than the terminal less one, and fewer than it has rows. */
export function drawBlock(view: JobView, size: Size, look: Look): string[] {
  const width = Math.max(10, Math.min(size.columns - 1, mostColumns));
  const room = Math.max(1, Math.min(size.rows - 2, mostLines));
  const used = new Set<Light>();
  const hasTimes = room >= 4;
  const hasNewest = room >= 9;
  // What scrolled away above stands apart.
  const hasGap = room >= 12;
  // Besides the title and the counts. What has no line yet keeps its place, so that the lights do not jump.
  const rest = Math.max(0, room - 2 - Number(hasGap) - Number(hasTimes) - Number(hasNewest));
  const reserved = Math.min(8, Math.floor((rest + 1) / 3));
  const lights =
    room < 3 ? { rows: [], per: 1 } : stepRows(view.job, view.steps, width, rest - reserved, look, used);
  const forWork = view.isFinal ? 0 : Math.min(10, rest - lights.rows.length);
  const times = hasTimes ? timesLine(view, width) : [];
  const lines: (readonly Piece[])[] = [
    ...(hasGap ? [[]] : []),
    ...(room < 2 ? [] : [titleLine(view, width)]),
    ...lights.rows,
    countsLine(view.job, used, lights.per, width, look),
    ...(times.length > 0 ? [times] : []),
    ...(hasNewest && !view.isFinal && view.newest !== null ? [newestLine(view.newest, width, look)] : []),
    // Last, because they come and go.
    ...workRows(view.work, forWork, width, look, view.now),
  ];
  return lines.map((pieces) => lineOf(pieces, width, look));
}

function titleLine(view: JobView, width: number): Piece[] {
  const number: Piece = { text: `Job ${view.job.number}`, colour: "bold" };
  const name = plain(view.job.name);
  const { word, time, colour } = stateOf(view);
  const roomBeside = (state: Piece) => width - widthOfAll([number, state]) - 4;
  const long = { text: `${word}${time}`, colour };
  const isShort = roomBeside(long) < Math.min(leastName, columnsOf(name));
  const state = isShort ? { text: word, colour } : long;
  return spread([number, { text: `  ${fit(name, Math.max(leastName, roomBeside(state)))}` }], [state], width);
}

/** What the job does, and for how long, said where there is room. */
function stateOf({ job, isAway, now }: JobView): { word: string; time: string; colour?: Colour } {
  const since = job.startedAt === null ? null : Date.parse(job.startedAt);
  const end = job.endedAt === null ? now : Date.parse(job.endedAt);
  const lasted = (word: string) =>
    since === null ? "" : ` ${word} ${duration(Math.max(0, end - since) / 1000)}`;
  if (isAway && job.endedAt === null)
    return { word: "no answer", time: " from the broker", colour: "yellow" };
  const word = stateWord(job.state);
  switch (job.state) {
    case "succeeded":
      return { word, time: lasted("in"), colour: "green" };
    case "failed":
      return { word, time: lasted("after"), colour: "red" };
    case "canceled":
      return { word, time: lasted("after"), colour: "yellow" };
    case "canceling":
    case "paused":
      return { word, time: "", colour: "yellow" };
    case "pausing":
      return { word, time: " after these frames", colour: "yellow" };
    case "running":
      return { word, time: lasted("for"), colour: "cyan" };
    case "queued":
    case "loading":
      return { word, time: "" };
  }
}

/** In this order. What waits for another step has a shorter word here, where all of them share a line. */
const countWords: readonly [Exclude<Light, "both" | "some" | "most">, string][] = [
  ["succeeded", stateWords.succeeded],
  ["running", stateWords.running],
  ["failed", stateWords.failed],
  ["ready", stateWords.ready],
  ["blocked", "later"],
  ["canceled", stateWords.canceled],
];

/** How many frames are what; it explains the lights, too. */
function countsLine(
  job: FeedJobDetail,
  used: ReadonlySet<Light>,
  per: number,
  width: number,
  look: Look,
): Piece[] {
  const { counts, taskCount } = job;
  const share = { text: `${taskCount === 0 ? 100 : Math.floor((counts.succeeded / taskCount) * 100)}%` };
  const shown = countWords.filter(([state]) => counts[state] > 0 || (state === "succeeded" && taskCount > 0));
  const count = ([state, word]: (typeof countWords)[number], isShort: boolean): Piece => ({
    text: `${markOf(state, look)} ${counts[state].toLocaleString("en-US")}${isShort ? "" : ` ${word}`}`,
    colour: lightLooks[state].colour,
  });
  const kinds: Piece[] = [
    ...(used.has("both")
      ? [{ text: `${markOf("both", look)} failed and running`, colour: lightLooks.both.colour }]
      : []),
    ...(used.has("some") || used.has("most")
      ? [
          {
            text: `${markOf("some", look)}${markOf("most", look)} partly done`,
            colour: lightLooks.some.colour,
          },
        ]
      : []),
  ];
  const scale: Piece[] = per > 1 ? [{ text: `${per.toLocaleString("en-US")} a light`, colour: "dim" }] : [];
  const long = shown.map((one) => count(one, false));
  const short = shown.map((one) => count(one, true));
  const choices = [[...long, ...kinds, ...scale], [...long, ...scale], [...short, ...scale], short];
  for (const pieces of choices) {
    const parts = joined(pieces, "  ");
    if (widthOfAll(parts) + widthOfAll([share]) + 2 <= width) return spread(parts, [share], width);
  }
  return joined(short, "  ");
}

/** How long a frame takes, how long the rest will, and on how many machines. */
function timesLine(view: JobView, width: number): Piece[] {
  const { job, timings, machines, now } = view;
  const measured = job.steps.filter((step) => step.meanSeconds !== null && step.counts.succeeded > 0);
  // The step with most frames is the one people mean.
  const mean = measured.toSorted((a, b) => b.taskCount - a.taskCount)[0]?.meanSeconds ?? null;
  const frame: Piece[] = mean === null ? [] : [{ text: `${duration(mean)} a frame` }];
  if (view.isFinal || view.isAway || view.isHeld || job.endedAt !== null) return frame;
  const on: Piece[] = machines === 0 ? [] : [{ text: `on ${counted(machines, "machine")}` }];
  const left = machines === 0 || job.startedAt === null ? null : estimateOf(job, timings, machines, now);
  if (left === null) {
    const open: Piece[] =
      machines > 0 && mean === null
        ? [{ text: "the time left is known after the first frame", colour: "dim" }]
        : [];
    return firstThatFits(
      [
        [...on, ...frame, ...open],
        [...on, ...frame],
      ],
      width,
    );
  }
  const about = { text: `about ${roughly(left.seconds)} left` };
  const between = rangeOf(left.low, left.high);
  const sure = between === "" ? about : { text: `${about.text} (${between})` };
  const whole = left.unknown.length === 0 ? sure : { text: `${sure.text}, then ${left.unknown.join(", ")}` };
  return firstThatFits(
    [[whole, ...frame, ...on], [sure, ...frame, ...on], [sure, ...frame], [about, ...frame], [about]],
    width,
  );
}

function newestLine(file: string, width: number, look: Look): Piece[] {
  const label = "newest  ";
  // Without Unicode the dots in front take three columns.
  const path = shortPath(file, width - label.length - (look.unicode ? 0 : 2));
  return [{ text: label, colour: "dim" }, { text: look.unicode ? path : path.replace(/^…/, "...") }];
}

function firstThatFits(choices: readonly (readonly Piece[])[], width: number): Piece[] {
  const lines = choices.map((pieces) => joined(pieces));
  return lines.find((line) => widthOfAll(line) <= width) ?? lines.at(-1) ?? [];
}

function joined(pieces: readonly Piece[], between = "   "): Piece[] {
  return pieces.flatMap((piece, index) => (index === 0 ? [piece] : [{ text: between }, piece]));
}
