// Mistakes of a submission: gathered, so that one answer names all of them, each at its field.
import { Problem, type FieldError } from "../contract/problem.ts";

export interface Mistake extends FieldError {
  /** What is said when it is the first or the only one: it names the field, and for the terminal what to type. */
  sentence: string;
}

/** At most so many mistakes are listed in one answer. */
const listed = 50;

/** Throws `invalid` with all of them, one a field; does nothing where there are none. */
export function refuse(mistakes: readonly Mistake[]): void {
  const [first] = mistakes;
  if (!first) return;
  const more = mistakes.length > 1 ? ` (and ${mistakes.length - 1} more)` : "";
  throw new Problem("invalid", first.sentence + more, {
    errors: mistakes.slice(0, listed).map(({ pointer, detail }) => ({ pointer, detail })),
  });
}

/** Mistakes of one part of a submission: a problem's path stands below it, or, where it is a parameter's alone, there. */
export function mistakesOf(
  problems: readonly { path: string; message: string; parameter?: string }[],
  part: string,
  what: string,
): Mistake[] {
  return problems.map(({ path, message, parameter }) => {
    const field = parameter === undefined ? path : parameter;
    const below = parameter === undefined ? part : "parameters";
    return {
      pointer: field === "" ? below : `${below}.${field}`,
      detail: message,
      sentence: `${what}.${field === "" ? "" : ` At ${field}:`} ${message}`,
    };
  });
}
