// What is missing of a job's results: frames that failed, are not done, or have no file.
import type { Artifact } from "../contract/attempt.ts";
import type { JobDetail, Task } from "../contract/job.ts";
import { FramesMistake, formatFrames, parseFrames } from "./frames.ts";
import { counted } from "./humane.ts";
import { tally } from "./own-name.ts";
import { plain, quoted } from "./style.ts";

export interface Completeness {
  isComplete: boolean;
  steps: { step: string; failed: string[]; open: string[]; noFile: string[] }[];
}

/**
 * Compares tasks with the files of those that count. Of a step that saves no file at all only failed and open frames
 * are told. `files` and `tasks` are those that were asked for.
 */
export function checkComplete(
  tasks: readonly Task[],
  files: readonly Pick<Artifact, "step" | "ordinal" | "state">[],
): Completeness {
  const withFile = new Set(
    files.filter(({ state }) => state === "current").map(({ step, ordinal }) => `${ordinal} ${step}`),
  );
  const saving = new Set(files.map(({ step }) => step));
  const steps = new Map<string, Completeness["steps"][number]>();
  for (const task of tasks) {
    const { step, ordinal, state } = task;
    const one = steps.get(step) ?? { step, failed: [], open: [], noFile: [] };
    steps.set(step, one);
    const name = task.frame ?? String(ordinal + 1);
    if (state === "failed" || state === "canceled") one.failed.push(name);
    else if (state !== "succeeded") one.open.push(name);
    else if (saving.has(step) && !withFile.has(`${ordinal} ${step}`)) one.noFile.push(name);
  }
  const missing = [...steps.values()].filter(
    ({ failed, open, noFile }) => failed.length + open.length + noFile.length > 0,
  );
  return { isComplete: missing.length === 0, steps: missing };
}

/** The lines about what is missing, with what to type; none when nothing is. */
export function completenessLines(job: JobDetail, { steps }: Completeness): string[] {
  const lines = steps.flatMap(({ step, failed, open, noFile }) => {
    const prefix = job.steps.length > 1 ? `${plain(step)}: ` : "";
    return [
      failed.length > 0 ? `  ${prefix}${frames(failed)} failed or canceled` : "",
      open.length > 0 ? `  ${prefix}${frames(open)} not done yet` : "",
      noFile.length > 0 ? `  ${prefix}${frames(noFile)} done, but without a file` : "",
    ].filter((line) => line !== "");
  });
  if (lines.length === 0) return [];
  const isOver = job.endedAt !== null;
  const next = isOver
    ? againArguments(job, steps).map((more) => `Render them again: ${tally(`requeue ${job.number} ${more}`)}`)
    : [`Bring the rest as it comes: ${tally(`pull ${job.number} --follow`)}`];
  return [`Job ${job.number} is not complete:`, ...lines, ...next.map((line) => `  ${line}`)];
}

/** What `tally requeue` needs: frames that are done but have no file are not among the failed ones. */
function againArguments(job: JobDetail, steps: Completeness["steps"]): string[] {
  const hasFailed = steps.some(({ failed }) => failed.length > 0);
  const empty = steps
    .filter(({ noFile }) => noFile.length > 0)
    .map(({ step, noFile }) => {
      const list = numbersOf(noFile);
      const only = job.steps.length > 1 ? ` --step ${quoted(plain(step))}` : "";
      return `${list === undefined ? "--all" : `--frames ${list}`}${only}`;
    });
  return [...(hasFailed ? ["--failed"] : []), ...empty];
}

/** The frames as a list to type; undefined where they are no numbers. */
function numbersOf(names: readonly string[]): string | undefined {
  try {
    return formatFrames(parseFrames(names.join(",")));
  } catch (error) {
    if (error instanceof FramesMistake) return undefined;
    throw error;
  }
}

/** `3 frames (1-2, 7)`; the names themselves where they are no numbers. */
function frames(names: readonly string[]): string {
  const list = numbersOf(names);
  if (list === undefined) return counted(names.length, "frame");
  const parts = list.split(",");
  const shown = parts.length > 12 ? [...parts.slice(0, 11), "…"] : parts;
  return `${counted(names.length, "frame")} (${shown.join(", ")})`;
}
