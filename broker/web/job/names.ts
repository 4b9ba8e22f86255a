// What the frames of a job are called where they are spoken of: by number, or by their step where they have none.
import { frameNames, frameTitle, type NameOf } from "../../contract/frame-names.ts";
import type { StepView } from "../../contract/feed-store.ts";

export interface Names {
  /** The job has several steps: a number alone does not say which frame is meant. */
  hasSteps: boolean;
  /** Numbers of a step's frames. */
  of: (step: string) => NameOf;
  /** `Frame 12`, `Encode`, `Build 3`. */
  titleOf: (step: string, ordinal: number) => string;
  /** The same within a sentence: `frame 12`. */
  spokenOf: (step: string, ordinal: number) => string;
  /** The same with its step where there are several: `Render 12`. */
  fullOf: (step: string, ordinal: number) => string;
}

/** Names by what the feed knows of the steps. */
export function namesOf(steps: ReadonlyMap<string, StepView> | undefined): Names {
  const hasSteps = (steps?.size ?? 0) > 1;
  const framesOf = (step: string) => steps?.get(step)?.frames ?? null;
  const of = (step: string) => frameNames(framesOf(step));
  const titleOf = (step: string, ordinal: number) =>
    steps?.has(step)
      ? frameTitle(step, framesOf(step), ordinal, steps.get(step)?.states.length ?? 0)
      : `Frame ${of(step)(ordinal)}`;
  const spokenOf = (step: string, ordinal: number) => titleOf(step, ordinal).replace(/^Frame /, "frame ");
  return {
    hasSteps,
    of,
    titleOf,
    spokenOf,
    fullOf: (step, ordinal) =>
      hasSteps && framesOf(step) !== null ? `${step} ${of(step)(ordinal)}` : spokenOf(step, ordinal),
  };
}
