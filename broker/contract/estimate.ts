// How long a job still takes, and how sure that is: from the times of its frames so far. Pure.
import type { JobDetail } from "./job.ts";
import type { Spread } from "./spread.ts";
import type { Timings } from "./timings.ts";

/** What is left of one step, and how long its frames took. */
export interface StepTimes {
  name: string;
  /** Frames that wait or run. */
  left: number;
  /** Of frames that are done. */
  spread: Spread;
  /** The mean where no single times are known, seconds. */
  meanSeconds: number | null;
  /** How long the frames that run now have been running, together, seconds. */
  runningSeconds: number;
}

export interface Estimate {
  seconds: number;
  /** Four times out of five it takes between these, seconds. */
  low: number;
  high: number;
  /** Names of steps that are left and of which nobody knows how long they take: they are not counted. */
  unknown: readonly string[];
}

/** For four out of five, of a normal spread. */
const fourOfFive = 1.28;
/** One frame says little about the others: it may as well take twice or half of it. */
const firstSpread = 0.5;

/** When `machines` work on it; null when nothing is known of any step that is left. */
export function timeLeft(steps: readonly StepTimes[], machines: number): Estimate | null {
  let work = 0;
  let variance = 0;
  const unknown: string[] = [];
  for (const { name, left, spread: known, meanSeconds, runningSeconds } of steps) {
    if (left === 0) continue;
    const { count } = known;
    const mean = count > 0 ? known.mean : meanSeconds;
    if (mean === null) {
      unknown.push(name);
      continue;
    }
    // Of a frame that runs longer than usual nobody knows how long: it is taken as nearly done.
    work += Math.max(left * mean * 0.05, left * mean - runningSeconds);
    const spread = count > 1 ? known.variance : (mean * firstSpread) ** 2;
    // The frames differ; and the mean itself is only known from so many.
    variance += left * spread + (left ** 2 * spread) / Math.max(1, count);
  }
  if (work === 0) return null;
  const side = fourOfFive * Math.sqrt(variance);
  const of = (all: number) => Math.max(0, all) / Math.max(1, machines);
  return { seconds: of(work), low: of(Math.max(work * 0.2, work - side)), high: of(work + side), unknown };
}

/** For a job as it is at `now` (ms): counts of frames come from the job itself, their times from what is known of them. */
export function estimateOf(
  job: Pick<JobDetail, "steps">,
  timings: Timings,
  machines: number,
  now: number,
): Estimate | null {
  const steps = job.steps.map(({ name, counts, meanSeconds }) => {
    const { spread, running } = timings.of(name);
    const runningSeconds = [...running.values()].reduce((all, began) => all + (now - began) / 1000, 0);
    const left = counts.blocked + counts.ready + counts.running;
    return { name, left, spread, meanSeconds, runningSeconds };
  });
  return timeLeft(steps, machines);
}

/** A frame takes far longer than the others from so many times the median on. */
export const slowFactor = 10;
/** Before so many are done, nobody knows what is usual. */
const slowAfter = 5;

/** From how many seconds on a frame takes far longer than the usual one; infinite before that is known. */
export function slowFrom({ count, usual }: Spread): number {
  return count < slowAfter || usual === null ? Infinity : usual * slowFactor;
}
