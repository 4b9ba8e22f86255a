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

/** More runs of frames than these are told by the first and last frame alone. */
const runsTold = 8;

/** Which frames these steps have, as a half-sentence: "its frames are 1-40". */
export function spokenFrames(steps: readonly StepPlan[], named: string | undefined): string {
  const found = new Set<number>();
  for (const step of steps) {
    const parameter = frameParameterOf(step, named);
    for (let ordinal = 0; parameter !== null && ordinal < step.space.count; ordinal++) {
      const frame = Number(step.space.taskAt(ordinal)[parameter]?.value);
      if (Number.isInteger(frame)) found.add(frame);
    }
  }
  const frames = [...found].toSorted((a, b) => a - b);
  const [first] = frames;
  if (first === undefined) return "its tasks have no frame numbers";
  if (frames.length === 1) return `its only frame is ${first}`;
  const runs = runsOf(frames);
  if (runs.length > runsTold) return `its frames lie between ${first} and ${frames.at(-1)}`;
  return `its frames are ${runs.map(([from, to]) => (from === to ? from : `${from}-${to}`)).join(",")}`;
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
