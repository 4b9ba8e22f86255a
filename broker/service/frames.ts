// Frame numbers of a step: which task parameter they are, and the way between a frame and its ordinal.
import type { StepPlan } from "../openjd/job.ts";

/** The task parameter that is the frame number of a step: named by the job, else the chunked one, else Frame, else the only INT. */
export function frameParameterOf(step: StepPlan, named: string | undefined): string | null {
  const { space } = step;
  if (named !== undefined && space.names.includes(named)) return named;
  if (space.chunk) return space.chunk.parameter;
  const frame = space.names.find((name) => name.toLowerCase() === "frame");
  if (frame !== undefined) return frame;
  if (space.count === 0 || space.names.length === 0) return null;
  const integers = Object.entries(space.taskAt(0)).filter(([, value]) => value.type === "INT");
  return integers.length === 1 ? (integers[0]?.[0] ?? null) : null;
}

/** The frame number of one task as text, or null where the step has none. */
export function frameOf(step: StepPlan, parameter: string | null, ordinal: number): string | null {
  if (parameter === null || ordinal >= step.space.count) return null;
  return step.space.taskAt(ordinal)[parameter]?.value ?? null;
}

/** Ordinals of a step whose frame number is in `frames`. */
export function ordinalsOfFrames(
  step: StepPlan,
  parameter: string | null,
  frames: ReadonlySet<string>,
): number[] {
  const ordinals: number[] = [];
  if (parameter === null) return ordinals;
  for (let ordinal = 0; ordinal < step.space.count; ordinal++) {
    const frame = step.space.taskAt(ordinal)[parameter]?.value;
    if (frame !== undefined && frames.has(frame)) ordinals.push(ordinal);
  }
  return ordinals;
}

/** Runs of neighbouring numbers in a sorted list: [1,2,3,7] → [[1,3],[7,7]]. One event tells a whole run. */
export function runsOf(sorted: readonly number[]): [first: number, last: number][] {
  const runs: [number, number][] = [];
  for (const number of sorted) {
    const last = runs.at(-1);
    if (last && number === last[1] + 1) last[1] = number;
    else runs.push([number, number]);
  }
  return runs;
}
