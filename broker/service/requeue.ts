// Render frames anew: a higher generation for each, in slices; steps that depend on them are blocked again.
import { Problem } from "../contract/problem.ts";
import type { Requeue } from "../contract/job.ts";
import type { TaskState } from "../contract/states.ts";
import { parseRange, rangeCount, rangeValue } from "../openjd/range-expression.ts";
import type { StepPlan } from "../openjd/job.ts";
import { statesAccepting, taskMachine } from "../domain/machine.ts";
import { addEvent } from "../store/events.ts";
import { moveCounts, refreshJob } from "../store/counts.ts";
import { closeAttempt } from "../store/leases.ts";
import type { Rows, Tx } from "../store/tx.ts";
import { nudge, type Broker } from "./broker.ts";
import { frameParameterOf, ordinalsOfFrames, runsOf, spokenFrames } from "./frames.ts";
import { offerJob } from "./offer.ts";
import { sliceRows } from "./settle.ts";

interface StepRow {
  id: number;
  idx: number;
  name: string;
  /** Tasks that wait for their turn. */
  waiting: number;
}

interface Pick {
  step: StepRow;
  ordinals: number[];
}

/** Requeues what is asked for; returns how many frames of the named steps. Frames being rendered now are left alone. */
export async function requeueTasks(broker: Broker, jobId: number, ask: Requeue): Promise<number> {
  const { plan, settings } = broker.plans.of(jobId);
  const steps = broker.reader
    .prepare("SELECT id, idx, name, ready + blocked AS waiting FROM steps WHERE job_id = ? ORDER BY idx")
    .all(jobId) as StepRow[];
  refuseWhileEnding(broker, jobId, steps);
  refuseWithoutInputs(broker.rows, jobId);
  const chosen = ask.step === undefined ? steps : steps.filter((step) => step.name === ask.step);
  if (chosen.length === 0) {
    throw new Problem(
      "invalid",
      `Job ${jobId} has no step ${ask.step}. Its steps: ${steps.map((step) => step.name).join(", ")}.`,
      {
        errors: [{ pointer: "step", detail: "no such step" }],
      },
    );
  }
  const picks: Pick[] = [];
  let isFound = ask.frames === undefined;
  for (const step of chosen) {
    const stepPlan = plan.steps[step.idx] as StepPlan;
    const asked = ordinalsAsked(ask, stepPlan, frameParameterOf(stepPlan, settings.frameParameter));
    isFound ||= (asked?.length ?? 0) > 0;
    const ordinals = pickOrdinals(broker, step, asked, ask.failedOnly);
    if (ordinals.length > 0) picks.push({ step, ordinals });
  }
  if (!isFound) {
    const plans = chosen.map((step) => plan.steps[step.idx] as StepPlan);
    throw noSuchFrames(jobId, ask.frames ?? "", spokenFrames(plans, settings.frameParameter));
  }
  const requeued = picks.reduce((sum, pick) => sum + pick.ordinals.length, 0);
  if (requeued === 0) {
    if (!isPartial(ask)) return 0;
    throw new Problem(
      "illegal-transition",
      `Job ${jobId} has nothing to render again there: ${ask.failedOnly ? "none of these frames has failed" : "these frames still wait or are being rendered now"}.`,
    );
  }
  await wantRun(broker, jobId);
  // A step behind one of the others is rendered anew as a whole, once they are done.
  const behind = dependentsOf(plan.steps, picks);
  for (const { step, ordinals } of picks) {
    // oxlint-disable-next-line no-await-in-loop -- slices must follow one another
    if (!behind.includes(step.idx)) await requeueStep(broker, jobId, step, ordinals);
  }
  for (const index of behind) {
    // oxlint-disable-next-line no-await-in-loop -- slices must follow one another
    await blockStep(broker, jobId, steps[index] as StepRow);
  }
  await reopen(broker, jobId);
  return requeued;
}

function noSuchFrames(jobId: number, asked: string, there: string): Problem {
  const detail = `Job ${jobId} has no ${/^-?\d+$/.test(asked.trim()) ? "frame" : "frames"} ${asked.trim()}; ${there}.`;
  return new Problem("invalid", detail, { errors: [{ pointer: "frames", detail: "no such frame" }] });
}

const isPartial = (ask: Requeue) => ask.failedOnly || ask.frames !== undefined || ask.ordinals !== undefined;

/** While what waits is still being canceled in slices, a requeue would be half undone. */
function refuseWhileEnding(broker: Broker, jobId: number, steps: readonly StepRow[]): void {
  const job = broker.reader.prepare("SELECT state, intent FROM jobs WHERE id = ?").get(jobId) as
    | { state: string; intent: string }
    | undefined;
  const isStopping = job?.intent === "stop" && steps.some((step) => step.waiting > 0);
  if (job?.state !== "canceling" && !isStopping) return;
  throw new Problem(
    "illegal-transition",
    `Job ${jobId} is still being ${isStopping ? "stopped" : "canceled"}. Wait a moment, then requeue.`,
  );
}

/** What was cleaned away cannot be rendered again. */
function refuseWithoutInputs(rows: Rows, jobId: number): void {
  const job = rows.get<{ cleaned: number | null }>(
    "SELECT inputs_cleaned_at AS cleaned FROM jobs WHERE id = ?",
    jobId,
  );
  if (job === undefined || job.cleaned === null) return;
  throw new Problem("cleaned", `The input files of job ${jobId} were cleaned up. Submit it again.`);
}

/** First of all the job wants to run again, unless it is paused: nothing then cancels what the slices bring back. */
function wantRun(broker: Broker, jobId: number): Promise<void> {
  return broker.writer.write((tx) => {
    refuseWithoutInputs(tx, jobId);
    tx.run(
      "UPDATE jobs SET intent = 'run', intent_reason = NULL WHERE id = ? AND intent IN ('cancel', 'stop')",
      jobId,
    );
    refreshJob(tx, jobId);
  });
}

/** Last of all the failure limit counts anew, and the steps are offered. */
function reopen(broker: Broker, jobId: number): Promise<void> {
  return broker.writer.write((tx) => {
    tx.run(
      "UPDATE jobs SET failed_tasks = (SELECT sum(failed) FROM steps WHERE job_id = ?) WHERE id = ?",
      jobId,
      jobId,
    );
    refreshJob(tx, jobId);
    offerJob(broker, tx, jobId);
    tx.after(() => broker.wake.settle(jobId));
  });
}

function ordinalsAsked(ask: Requeue, step: StepPlan, frameParameter: string | null): number[] | null {
  if (ask.ordinals) return ask.ordinals.filter((ordinal) => ordinal < step.space.count);
  if (ask.frames === undefined) return null;
  const frames = new Set<string>();
  try {
    const range = parseRange(ask.frames);
    const count = rangeCount(range);
    if (count > 1_000_000n) throw new Error("more than a million frames");
    for (let index = 0n; index < count; index++) frames.add(String(rangeValue(range, index)));
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new Problem(
      "invalid",
      `The frames "${ask.frames}" cannot be read: ${detail}. Write them like 1-10,15.`,
      { errors: [{ pointer: "frames", detail }] },
    );
  }
  return ordinalsOfFrames(step, frameParameter, frames);
}

/** Ordinals of a step that are over and asked for (null: all of them). */
function pickOrdinals(
  broker: Broker,
  step: StepRow,
  asked: readonly number[] | null,
  failedOnly: boolean,
): number[] {
  const states: TaskState[] = failedOnly ? ["failed", "canceled"] : statesAccepting(taskMachine, "requeue");
  const list = states.map((state) => `'${state}'`).join(", ");
  const rows = broker.reader
    .prepare(`SELECT ordinal, chunk FROM tasks WHERE step_id = ? AND state IN (${list}) ORDER BY ordinal`)
    .all(step.id) as { ordinal: number; chunk: number | null }[];
  const wanted = asked && new Set(asked);
  // A fixed chunk is retried whole: one of its frames brings its neighbours along.
  const chunks = new Set(
    rows.filter((row) => wanted?.has(row.ordinal) && row.chunk !== null).map((row) => row.chunk),
  );
  return rows
    .filter((row) => !wanted || wanted.has(row.ordinal) || (row.chunk !== null && chunks.has(row.chunk)))
    .map((row) => row.ordinal);
}

/** Brings frames back in slices: ready, or blocked where an earlier step is not done. */
async function requeueStep(
  broker: Broker,
  jobId: number,
  step: StepRow,
  ordinals: readonly number[],
): Promise<void> {
  for (let at = 0; at < ordinals.length; at += sliceRows) {
    const slice = ordinals.slice(at, at + sliceRows);
    // oxlint-disable-next-line no-await-in-loop -- slices must follow one another
    await broker.writer.write((tx) => {
      // Until the first of its frames is back, the job is over, and its files may be cleaned up.
      refuseWithoutInputs(tx, jobId);
      const earlier = tx.get(
        `SELECT 1 FROM step_dependencies d JOIN steps u ON u.id = d.depends_on
         WHERE d.step_id = ? AND u.succeeded < u.task_count LIMIT 1`,
        step.id,
      );
      requeueSlice(tx, jobId, step, slice, earlier === undefined ? "ready" : "blocked");
    });
  }
}

/** Tasks that are over get a new generation in state `to`; others are left. */
function requeueSlice(
  tx: Tx,
  jobId: number,
  step: StepRow,
  ordinals: readonly number[],
  to: "ready" | "blocked",
): void {
  const moved: number[] = [];
  for (const ordinal of ordinals) {
    const before = tx.get<{ state: TaskState }>(
      "SELECT state FROM tasks WHERE step_id = ? AND ordinal = ?",
      step.id,
      ordinal,
    );
    if (
      !before ||
      !(before.state === "succeeded" || before.state === "failed" || before.state === "canceled")
    )
      continue;
    tx.run(
      `UPDATE tasks SET state = '${to}', generation = generation + 1, failures = 0, losses = 0 WHERE step_id = ? AND ordinal = ?`,
      step.id,
      ordinal,
    );
    moveCounts(tx, step.id, before.state, to, 1);
    moved.push(ordinal);
  }
  tell(tx, jobId, step, moved, to);
  refreshJob(tx, jobId);
}

function tell(
  tx: Tx,
  jobId: number,
  step: StepRow,
  ordinals: readonly number[],
  state: "ready" | "blocked",
): void {
  for (const [first, last] of runsOf(ordinals))
    addEvent(tx, {
      kind: "task.changed",
      jobId,
      step: step.name,
      first,
      last,
      state,
      data: { requeued: true },
    });
}

/** Indexes of all steps that depend, directly or not, on the picked ones. */
function dependentsOf(plan: readonly StepPlan[], picks: readonly Pick[]): number[] {
  const reached = new Set(picks.map((pick) => pick.step.name));
  const found = new Set<number>();
  for (let changed = true; changed;) {
    changed = false;
    for (const [index, step] of plan.entries()) {
      if (found.has(index) || !step.dependsOn.some((name) => reached.has(name))) continue;
      reached.add(step.name);
      found.add(index);
      changed = true;
    }
  }
  return [...found].toSorted((a, b) => a - b);
}

/** Blocks a dependent step again: what waits waits longer, what is done is done anew, what runs is called back. */
async function blockStep(broker: Broker, jobId: number, step: StepRow): Promise<void> {
  await broker.writer.write((tx) => {
    const open = tx.all<{ id: number; ordinal: number; leaseId: number }>(
      "SELECT id, ordinal, lease_id AS leaseId FROM attempts WHERE step_id = ? AND ended_at IS NULL",
      step.id,
    );
    for (const { id, ordinal } of open) {
      closeAttempt(tx, id, { event: "cancel", reason: "An earlier step was asked for anew." });
      tx.run(
        "UPDATE tasks SET state = 'ready', generation = generation + 1 WHERE step_id = ? AND ordinal = ?",
        step.id,
        ordinal,
      );
    }
    moveCounts(tx, step.id, "running", "ready", open.length);
    tell(
      tx,
      jobId,
      step,
      open.map(({ ordinal }) => ordinal).toSorted((a, b) => a - b),
      "ready",
    );
    refreshJob(tx, jobId);
    tx.after(() => {
      broker.candidates.remove(step.id);
      for (const worker of broker.workers.values()) if (worker.lease?.stepId === step.id) nudge(worker);
    });
  });
  const rows = broker.reader
    .prepare("SELECT ordinal FROM tasks WHERE step_id = ? AND state <> 'blocked' ORDER BY ordinal")
    .all(step.id) as { ordinal: number }[];
  for (let at = 0; at < rows.length; at += sliceRows) {
    const slice = rows.slice(at, at + sliceRows).map((row) => row.ordinal);
    // oxlint-disable-next-line no-await-in-loop -- slices must follow one another
    await broker.writer.write((tx) => {
      const waiting = slice.filter(
        (ordinal) =>
          tx.run(
            "UPDATE tasks SET state = 'blocked' WHERE step_id = ? AND ordinal = ? AND state = 'ready'",
            step.id,
            ordinal,
          ).changes === 1,
      );
      moveCounts(tx, step.id, "ready", "blocked", waiting.length);
      tell(tx, jobId, step, waiting, "blocked");
      requeueSlice(tx, jobId, step, slice, "blocked");
    });
  }
}
