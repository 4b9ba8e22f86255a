// Problems on the wire (RFC 9457): everything thrown becomes one, and what is no Problem is a bug that says nothing of itself.
import { randomUUID } from "node:crypto";
import type { Context } from "hono";
import { Problem, problemTable, type ProblemBody } from "../contract/problem.ts";

/** The stable address of a problem's explanation, relative to docs/errors.md. */
const typeOf = (code: string) => `https://tally.invalid/errors#${code}`;

/** Answers an error. `onBug` hears what was no Problem, with the request's id. */
export function answerProblem(
  c: Context,
  error: unknown,
  onBug: (error: unknown, requestId: string) => void,
): Response {
  const instance = randomUUID();
  let problem: Problem;
  if (error instanceof Problem) {
    problem = error;
  } else {
    onBug(error, instance);
    problem = new Problem(
      "internal",
      `The broker made a mistake; its log has the details under ${instance}. Trying again may help.`,
    );
  }
  const { status, title } = problemTable[problem.code];
  const body: ProblemBody = {
    type: typeOf(problem.code),
    title,
    status,
    detail: problem.detail,
    instance,
    code: problem.code,
    ...problem.extra,
  };
  const headers = new Headers({ "content-type": "application/problem+json", "tally-request-id": instance });
  if (problemTable[problem.code].retry === "later") headers.set("retry-after", "1");
  return c.body(JSON.stringify(body), { status: status as 400, headers });
}
