// What is wrong with a request, field by field, in words that a person can act on.
import type { z } from "zod";
import { withoutControls } from "../contract/name.ts";
import type { FieldError } from "../contract/problem.ts";

type Issue = z.core.$ZodIssue;

/** So many mistakes are listed in one answer. */
export const listed = 50;

const kinds: Record<string, string> = {
  int: "a whole number",
  number: "a number",
  string: "text",
  boolean: "true or false",
  array: "a list",
  object: "an object with named values",
  record: "an object with named values",
};
const units: Record<string, string> = { string: " characters", array: " entries" };

/** The mistakes of one part of a request (`path`, `query`, `header`, or `""` for the body). */
export function fieldErrors(error: z.ZodError, part: string): FieldError[] {
  return error.issues.slice(0, listed).map((issue) => ({
    pointer: [...(part === "" ? [] : [part]), ...issue.path.map(String)].join("."),
    detail: sentence(issue),
  }));
}

/** All of them in one sentence that names the first field. */
export function summary(errors: readonly FieldError[]): string {
  const [first] = errors;
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : "";
  const where =
    first?.pointer === "" ? "The request is not valid" : `The field ${first?.pointer} is not valid`;
  return `${where}. ${first?.detail}${more}`;
}

function sentence(issue: Issue): string {
  switch (issue.code) {
    case "unrecognized_keys":
      return `There is no setting called ${issue.keys.join(", ")}.`;
    case "invalid_type":
      return issue.input === undefined && issue.message.endsWith("received undefined")
        ? `It is missing; it must be ${kinds[issue.expected] ?? issue.expected}.`
        : `It must be ${kinds[issue.expected] ?? issue.expected}.`;
    case "invalid_value":
      return `It must be one of: ${issue.values.map(String).join(", ")}.`;
    case "too_big":
      return `It may be at most ${issue.maximum}${units[issue.origin] ?? ""}.`;
    case "too_small":
      return `It must be ${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${units[issue.origin] ?? ""}.`;
    case "invalid_key":
      return `Its name is not taken. ${issue.issues[0] === undefined ? "" : sentence(issue.issues[0])}`.trim();
    case "invalid_union":
      return "It has none of the forms that are allowed here.";
    case "invalid_format":
      if ("pattern" in issue && issue.pattern === String(withoutControls))
        return "It holds a line break or another control character.";
      return `It does not look like ${issue.format === "regex" ? "what belongs here" : issue.format}.`;
    default:
      return `${issue.message}.`;
  }
}
