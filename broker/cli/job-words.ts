// Sentences about a job that several commands say: a frame's name, how it ended, what to type next. Words of others in
// them are made plain here.
import { basename, dirname } from "node:path";
import type { Artifact } from "../contract/attempt.ts";
import type { JobDetail } from "../contract/job.ts";
import { stateWord } from "../contract/state-words.ts";
import type { Worker } from "../contract/worker.ts";
import type { Ending, FailedFrame, FinishedFrame } from "./follow.ts";
import { counted, duration, shortPath } from "./humane.ts";
import { asTypedHere, tally } from "./own-name.ts";
import { paint, plain, quoted } from "./style.ts";

/** `frame 7/24` where frames are 1 to their number, `frame 107` elsewhere, `Build` for a task that is no frame. */
export function frameName(job: JobDetail, step: string, frame: string | null): string {
  const prefix = job.steps.length > 1 ? `${plain(step)} ` : "";
  if (frame === null) return plain(step);
  const { taskCount } = job.steps.find((one) => one.name === step) ?? job;
  // Of every other frame, 11 would be called 11/12 although it is the sixth.
  const range = job.parameters["Frames"]?.value.replaceAll(" ", "");
  const fromOne = range === undefined || range === (taskCount === 1 ? "1" : `1-${taskCount}`);
  const total = fromOne && Number(frame) >= 1 && Number(frame) <= taskCount ? `/${taskCount}` : "";
  return `${prefix}frame ${plain(frame)}${total}`;
}

/** One line about a finished frame: `frame 7/24  0.4 s  …/tally-demo/0007.png  [render-01, CPU]`. */
export function finishedLine(job: JobDetail, done: FinishedFrame, width: number): string {
  const name = frameName(job, done.step, done.frame).padEnd(
    frameName(job, done.step, String(job.taskCount)).length,
  );
  const seconds = done.seconds === null ? "" : duration(done.seconds);
  const device = done.device === null ? "" : `, ${plain(done.device)}`;
  const end = done.worker === null ? "" : `[${plain(done.worker)}${device}]`;
  const room = Math.max(20, width - name.length - seconds.length - end.length - 6);
  const file = done.file === null ? "" : nameAndFolder(plain(done.file), room);
  const kept = done.kept ? "kept as it was" : "";
  return [paint("green", name), seconds, file, kept, paint("dim", end)]
    .filter((part) => part !== "")
    .join("  ");
}

/** `…/tally-demo/0007.png`: the whole folder is said at the end, not in every line. */
function nameAndFolder(path: string, room: number): string {
  const short = shortPath(path, basename(path).length + basename(dirname(path)).length + 4);
  return short.length <= room ? short : basename(path);
}

/** Two lines about a failed try: what happened, and what to type. */
export function failedLines(job: JobDetail, failed: FailedFrame): string {
  const name = frameName(job, failed.step, failed.frame).replace(/\/\d+$/, "");
  const on = failed.worker === null ? "" : ` on ${plain(failed.worker)}`;
  const reason = asTypedHere(plain(failed.reason));
  if (failed.willRetry)
    return `${paint("yellow", `${name} did not succeed${on} and is tried again:`)} ${reason}`;
  const look =
    failed.frame === null
      ? tally(`logs ${job.number}`)
      : tally(`logs ${job.number} --frame ${plain(failed.frame)}`);
  return `${paint("red", `${name} failed${on}:`)} ${reason}\n  Read on: ${look}`;
}

/** Where this job's files lie, or null when nobody knows. */
export function folderOf(job: JobDetail): string | null {
  return job.outputPattern === null ? null : dirname(job.outputPattern);
}

/** How it ended, in a few lines, with the next command where there is something to do. */
export function endingText({ job, notHome, toPull, failed }: Ending): string {
  const { number, counts, taskCount } = job;
  const folder = plain(folderOf(job));
  const took =
    job.startedAt !== null && job.endedAt !== null
      ? ` in ${duration((Date.parse(job.endedAt) - Date.parse(job.startedAt)) / 1000)}`
      : "";
  const lines: string[] = [];
  if (job.state === "succeeded" && toPull > 0) {
    const files = `${counted(toPull, "file")} ${toPull === 1 ? "waits" : "wait"} for you: ${tally(`pull ${number}`)}`;
    lines.push(`${paint("green", `Job ${number} is rendered:`)} ${workOf(job)}${took}. ${files}`);
  } else if (job.state === "succeeded" && notHome.length === 0) {
    const home = folder === null ? "" : ` ${taskCount === 1 ? "It is" : "They are"} in ${folder}`;
    lines.push(`${paint("green", `Job ${number} is done:`)} ${workOf(job)}${took}.${home}`);
  } else if (job.state === "succeeded") {
    lines.push(
      paint(
        "yellow",
        `Job ${number} is rendered, but ${counted(notHome.length, "file")} could not be brought home:`,
      ),
    );
  } else if (job.state === "canceled") {
    lines.push(`Job ${number} was canceled after ${counts.succeeded} of ${counted(taskCount, "frame")}.`);
    lines.push(`  Render the rest after all: ${tally(`requeue ${number}`)}`);
  } else {
    const why = job.intentReason === null ? "" : ` ${asTypedHere(plain(job.intentReason))}`;
    lines.push(
      paint("red", `Job ${number} failed: ${counts.failed} of ${counted(taskCount, "frame")}.`) + why,
    );
    lines.push(...failed, ...failureHints(job));
  }
  for (const artifact of notHome.slice(0, 5)) lines.push(`  ${notHomeWords(artifact)}`);
  if (notHome.length > 0)
    lines.push(
      notHome.every(({ outside }) => outside)
        ? `  To have them all the same: ${tally(`pull ${number} --to FOLDER`)}`
        : job.settings.home === "pull"
          ? `  Once that is mended: ${tally(`pull ${number}`)}`
          : `  The broker tries again by itself: ${tally(`watch ${number}`)}`,
    );
  if (toPull > 0 && job.state !== "succeeded") lines.push(`  What is done: ${tally(`pull ${number}`)}`);
  return `${lines.join("\n")}\n`;
}

/** `24 frames`, or `24 frames and a film`. */
export function workOf({ taskCount, templateName }: Pick<JobDetail, "taskCount" | "templateName">): string {
  const hasFilm = templateName === "blender-film";
  return counted(taskCount - (hasFilm ? 1 : 0), "frame") + (hasFilm ? " and a film" : "");
}

/** What keeps a file from home; its sentence names the file. */
export function notHomeWords({ name, problem }: Pick<Artifact, "name" | "problem">): string {
  const said = asTypedHere(problem ?? "still on its way");
  return plain(problem?.startsWith(name) === true ? said : `${name}: ${said}`);
}

const shownFrames = 6;

/**
 * Why frames failed, a line for each reason with the frames it is said of: `frame 4: …`, `frames 4, 5: …`. `frameOf`
 * tells a frame's name; it is asked about few of each reason, and of `most` reasons at most.
 */
export async function failureLines(
  { failures, steps }: Pick<JobDetail, "failures" | "steps">,
  frameOf: (step: string, ordinal: number) => Promise<string | null>,
  most = Infinity,
): Promise<string[]> {
  const lines = await Promise.all(
    failures.slice(0, most).map(async ({ reason, count, step, ordinals }) => {
      const names = await Promise.all(
        ordinals.slice(0, shownFrames).map((ordinal) => frameOf(step, ordinal)),
      );
      const listed = names.filter((name) => name !== null);
      const inStep = steps.length > 1 ? `${step} ` : "";
      const noFrames = count === 1 ? step : `${inStep}${counted(count, "task")}`;
      const more = count > listed.length ? ", …" : "";
      const which =
        listed.length === 0
          ? noFrames
          : `${inStep}frame${count === 1 ? "" : "s"} ${listed.join(", ")}${more}`;
      return `  ${paint("red", plain(which))}: ${asTypedHere(plain(reason))}`;
    }),
  );
  if (failures.length > most) lines.push(`  and ${counted(failures.length - most, "more reason")}`);
  return lines;
}

/** What to type about failed frames. */
function failureHints(job: JobDetail): string[] {
  const lines: string[] = [];
  lines.push(`  What the renderer said: ${tally(`logs ${job.number}`)}`);
  lines.push(`  Render them again:      ${tally(`requeue ${job.number} --failed`)}`);
  return lines;
}

/**
 * Whether nothing more of it begins until somebody says so: it is paused or stopping, or so is everyone at work on it
 * (`workers`), as with their pool. Nobody knows then how long it still takes.
 */
export function isHeld(
  { state, pausedPools = [] }: Pick<JobDetail, "state"> & Partial<Pick<JobDetail, "pausedPools">>,
  workers: readonly Pick<Worker, "state">[],
): boolean {
  return (
    ["pausing", "paused", "canceling"].includes(state) ||
    pausedPools.length > 0 ||
    (workers.length > 0 && workers.every((one) => one.state === "pausing"))
  );
}

/**
 * `3 done, 1 running`: how many frames are in which state. Small frames are taken several at a time, and who asks once is
 * not told which of them are begun: where more are taken than `workers` work on them, some are only next.
 */
export function countsWords({ counts }: Pick<JobDetail, "counts">, workers: number): string {
  return (["succeeded", "running", "ready", "blocked", "failed", "canceled"] as const)
    .filter((state) => counts[state] > 0)
    .map((state) => {
      const word = state === "running" && counts.running > workers ? "running or next" : stateWord(state);
      return `${counts[state].toLocaleString("en-US")} ${word}`;
    })
    .join(", ");
}

/** Until when a job that was paused is not: frames in work are finished. Empty when there are none. */
export function stillInWork({ counts: { running } }: Pick<JobDetail, "counts">): string {
  // Not how many: of those that a worker took together it finishes the one that it began.
  return running === 0 ? "" : ` once the ${running === 1 ? "frame in work is" : "frames in work are"} done`;
}

/** Why it waits and what to type, when its pools or every worker that could render it are paused; else null. */
export function pausedHint(job: Pick<JobDetail, "number" | "pausedPools" | "pausedWorkers">): string | null {
  const { number } = job;
  const { pausedPools, pausedWorkers } = plain({
    pausedPools: job.pausedPools,
    pausedWorkers: job.pausedWorkers,
  });
  const [pool] = pausedPools;
  if (pool !== undefined) {
    const pools = pausedPools.length === 1 ? `the pool ${pool} is` : `its pools are`;
    const named = pausedPools.length === 1 ? "" : ` (${pausedPools.join(", ")})`;
    return `Job ${number} waits: ${pools} paused${named}. Let it go on: ${tally(`workers resume --pool ${quoted(pool)}`)}`;
  }
  const [first] = pausedWorkers;
  if (first === undefined) return null;
  const shown = pausedWorkers.length > 3 ? [...pausedWorkers.slice(0, 2), "others"] : pausedWorkers;
  const who =
    pausedWorkers.length === 1
      ? `the one worker that could render it, ${first}, is paused`
      : `every worker that could render it is paused (${shown.join(", ")})`;
  return `Job ${number} waits: ${who}. Let it go on: ${tally(`workers resume ${quoted(first)}`)}`;
}
