// Two live jobs must not write the same files: found at submit, frame by frame.
import type { JobSettings } from "../contract/job.ts";
import { Problem } from "../contract/problem.ts";
import type { JobPlan } from "../openjd/job.ts";
import type { Tx } from "../store/tx.ts";
import type { Broker } from "./broker.ts";
import { frameOf, frameParameterOf } from "./frames.ts";
import { readStored, selectStored, type PlannedJob, type StoredJob } from "./plans.ts";

/** Throws `conflict` when a job that is not over writes the same pattern for a frame of this one. */
export function refuseSharedOutput(broker: Broker, tx: Tx, settings: JobSettings, plan: JobPlan): void {
  const { outputPattern, allowSharedOutput } = settings;
  if (outputPattern === undefined || allowSharedOutput) return;
  const others = tx.all<{ id: number }>(
    "SELECT id FROM jobs WHERE output_pattern = ? AND ended_at IS NULL",
    outputPattern,
  );
  if (others.length === 0) return;
  const mine = framesOf(plan, settings);
  for (const { id } of others) {
    const other = otherPlan(broker, tx, id);
    if (!other) continue;
    const shared = [...framesOf(other.plan, other.settings)].find((frame) => mine.has(frame));
    if (shared === undefined) continue;
    throw new Problem(
      "conflict",
      `Job ${id} is writing ${outputPattern} too, frame ${shared} for one. Wait for it, cancel it (tally cancel ${id}), choose another output (-o), or go on all the same with --allow-shared-output.`,
      { errors: [{ pointer: "settings.outputPattern", detail: `job ${id} writes the same files` }] },
    );
  }
}

function otherPlan(broker: Broker, tx: Tx, jobId: number): PlannedJob | undefined {
  try {
    return broker.plans.of(jobId);
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    // Inserted in this very group of writes: the reader cannot see it yet.
    const row = tx.get<StoredJob>(selectStored, jobId);
    return row && readStored(row);
  }
}

function framesOf(plan: JobPlan, settings: JobSettings): Set<string> {
  const frames = new Set<string>();
  for (const step of plan.steps) {
    const parameter = frameParameterOf(step, settings.frameParameter);
    for (let ordinal = 0; ordinal < step.space.count; ordinal++) {
      const frame = frameOf(step, parameter, ordinal);
      if (frame !== null) frames.add(frame);
    }
  }
  return frames;
}
