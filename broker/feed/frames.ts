// The frame numbers of a step as one short range expression, so that a grid can label 100,000 lights.
import { setImmediate as nextTurn } from "node:timers/promises";
import type { StepPlan } from "../openjd/job.ts";
import { frameOf, frameParameterOf } from "../service/frames.ts";

/** Longer than this it says less than it costs. */
const maxText = 8000;
/** Computed for so long between two turns of the loop, ms; looked at after every so many. */
const sliceMs = 3;
const looked = 200;

/** Frame numbers in the order of ordinals; null where a step has none, or none that can be told shortly. */
export async function framesText(step: StepPlan, named: string | undefined): Promise<string | null> {
  const parameter = frameParameterOf(step, named);
  if (parameter === null) return null;
  const fold = createFold();
  let since = performance.now();
  for (let ordinal = 0; ordinal < step.space.count; ordinal++) {
    const frame = Number(frameOf(step, parameter, ordinal) ?? Number.NaN);
    if (!Number.isSafeInteger(frame) || fold.length() > maxText) return null;
    fold.add(frame);
    if (ordinal % looked !== 0 || performance.now() - since < sliceMs) continue;
    // oxlint-disable-next-line no-await-in-loop -- others have their turn
    await nextTurn();
    since = performance.now();
  }
  return fold.text();
}

/** Folds numbers in their order: 1, 2, 3, 8, 6, 4 → `1-3,8-4:-2`. */
export function createFold() {
  const done: string[] = [];
  let length = 0;
  let run: { first: number; last: number; by: number; count: number } | null = null;

  function put(text: string): void {
    done.push(text);
    length += text.length + 1;
  }

  return {
    length: () => length,
    add(value: number): void {
      if (run === null) run = { first: value, last: value, by: 0, count: 1 };
      else if (run.count === 1 && value !== run.last)
        run = { first: run.first, last: value, by: value - run.last, count: 2 };
      else if (run.count > 1 && value === run.last + run.by) {
        run.last = value;
        run.count++;
      } else if (run.count === 2) {
        // Two numbers are no run yet: the second may begin one.
        put(String(run.first));
        run =
          value === run.last
            ? (put(String(run.last)), { first: value, last: value, by: 0, count: 1 })
            : { first: run.last, last: value, by: value - run.last, count: 2 };
      } else {
        put(textOf(run));
        run = { first: value, last: value, by: 0, count: 1 };
      }
    },
    text: (): string => [...done, ...(run ? [textOf(run)] : [])].join(","),
  };
}

function textOf({
  first,
  last,
  by,
  count,
}: {
  first: number;
  last: number;
  by: number;
  count: number;
}): string {
  if (count === 1) return String(first);
  if (by === 1) return `${first}-${last}`;
  return count === 2 ? `${first},${last}` : `${first}-${last}:${by}`;
}
