// Which frames of a job are rendered now, as the feed tells: a worker takes small frames several at a time, and those that
// it has not begun wait as the others do.
import { progressKey, type FeedStore, type StepView } from "../contract/feed-store.ts";
import type { FeedJobDetail } from "../contract/feed.ts";
import { frameNames } from "../contract/frame-names.ts";
import { stateWords } from "../contract/state-words.ts";
import { taskStates } from "../contract/states.ts";
import type { Timings } from "../contract/timings.ts";
import type { Worker } from "../contract/worker.ts";
import type { FrameInWork } from "./grid/work.ts";

type Steps = ReadonlyMap<string, StepView>;
type Counts = FeedJobDetail["counts"];

const running = taskStates.indexOf("running");
const waiting = taskStates.indexOf("ready");

/** The job and the states of its frames with what is not begun among those that wait; what is given stays as it is. */
export function asBegun<T extends FeedJobDetail>(
  job: T,
  { steps: all, progress }: Pick<FeedStore, "steps" | "progress">,
): { job: T; steps: Steps } {
  const steps = new Map(all.get(job.number));
  const inTurn = new Map<string, number>();
  for (const [name, view] of steps) {
    let states: Uint8Array | undefined;
    let count = 0;
    for (let at = view.states.indexOf(running); at >= 0; at = view.states.indexOf(running, at + 1)) {
      if (progress.has(progressKey(job.number, name, at))) continue;
      states ??= view.states.slice();
      states[at] = waiting;
      count++;
    }
    if (states === undefined) continue;
    steps.set(name, { ...view, states });
    inTurn.set(name, count);
  }
  if (inTurn.size === 0) return { job, steps };
  const total = [...inTurn.values()].reduce((sum, count) => sum + count, 0);
  return {
    job: {
      ...job,
      counts: moved(job.counts, total),
      steps: job.steps.map((step) => ({ ...step, counts: moved(step.counts, inTurn.get(step.name) ?? 0) })),
    },
    steps,
  };
}

/** States and counts may come one after the other: no count goes below nothing. */
function moved(counts: Counts, many: number): Counts {
  const count = Math.min(many, counts.running);
  return { ...counts, running: counts.running - count, ready: counts.ready + count };
}

/** What each worker does of this job, in the order of the frames. `here`: the broker's workers `local` are this machine's. */
export function workOf(
  job: FeedJobDetail,
  store: FeedStore,
  timings: Timings,
  workers: readonly Worker[],
  here: boolean,
): FrameInWork[] {
  const order = new Map(job.steps.map(({ name, index }) => [name, index]));
  const found = workers.flatMap((worker) => {
    const { step, ordinals, name, pool } = worker;
    if (step === null || ordinals.length === 0) return [];
    const told = (ordinal: number) => store.progress.get(progressKey(job.number, step, ordinal));
    const sorted = ordinals.toSorted((a, b) => a - b);
    const begun = sorted.filter((one) => told(one) !== undefined);
    // Of several that were begun at once the one that is told about.
    const ordinal = begun.find((one) => (told(one)?.percent ?? 0) > 0) ?? begun[0] ?? sorted[0] ?? 0;
    const progress = told(ordinal);
    const isBegun = begun.length > 0;
    const others = begun.length - 1;
    const inTurn = sorted.length - Math.max(1, begun.length);
    const at: FrameInWork = {
      name: nameOf(job, store, step, ordinal) + (others > 0 ? ` and ${others} more` : ""),
      next: inTurn > 0 ? `then ${inTurn} more` : "",
      isBegun,
      // 0 without a word says only that it is begun: many programs never tell how far they are.
      percent: progress && (progress.percent > 0 || progress.status !== null) ? progress.percent : null,
      status: isBegun ? (progress?.status ?? null) : stateWords.leased,
      where: name,
      isHere: pool === "local" && here,
      since: isBegun ? (timings.of(step).running.get(ordinal) ?? null) : null,
    };
    return [{ at, step: order.get(step) ?? 0, ordinal }];
  });
  return found.toSorted((a, b) => a.step - b.step || a.ordinal - b.ordinal).map(({ at }) => at);
}

function nameOf(job: FeedJobDetail, store: FeedStore, step: string, ordinal: number): string {
  const frames = store.steps.get(job.number)?.get(step)?.frames ?? null;
  const { taskCount } = job.steps.find(({ name }) => name === step) ?? job;
  if (frames === null) return taskCount === 1 ? step : `${step} ${ordinal + 1}`;
  const name = `frame ${frameNames(frames)(ordinal)}`;
  return job.steps.length > 1 ? `${step} ${name}` : name;
}
