// Public ids: a kind and the row's number, so that a log line explains itself.
import { Problem } from "../contract/problem.ts";

const kinds = {
  job: "job_",
  worker: "wrk_",
  lease: "lea_",
  attempt: "att_",
  launch: "lau_",
  token: "tok_",
  upload: "upl_",
  artifact: "fil_",
} as const;
type Kind = keyof typeof kinds;

/** `idOf("lease", 12)` → `lea_12`. */
export function idOf(kind: Kind, number: number): string {
  return kinds[kind] + number;
}

/** The row number in a public id, or undefined when the text is none of that kind. */
export function numberOf(kind: Kind, id: string): number | undefined {
  const match = /^([a-z]{3}_)([1-9]\d{0,14})$/.exec(id);
  return match && match[1] === kinds[kind] ? Number(match[2]) : undefined;
}

/** Like `numberOf`, but throws `not-found` with a sentence. */
export function requireNumber(kind: Kind, id: string): number {
  const number = numberOf(kind, id);
  if (number === undefined) throw new Problem("not-found", `There is no ${kind} ${id}.`);
  return number;
}
