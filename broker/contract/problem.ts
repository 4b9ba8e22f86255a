// The closed list of problems (RFC 9457) and what a client should do about each.
import { z } from "zod";

/** What a client does next: mend the request, read the world again, or try later. */
export type Retry = "never" | "re-read" | "later";

/** code → HTTP status, fixed title, and what to do. docs/errors.md is generated from this table. */
export const problemTable = {
  malformed: { status: 400, title: "The request cannot be read", retry: "never" },
  unauthenticated: { status: 401, title: "No valid token", retry: "never" },
  forbidden: { status: 403, title: "This token may not do that", retry: "never" },
  "not-found": { status: 404, title: "There is no such thing", retry: "never" },
  "illegal-transition": { status: 409, title: "Not possible in the present state", retry: "re-read" },
  "lease-lost": { status: 409, title: "This lease is no longer held", retry: "never" },
  "sequence-gap": { status: 409, title: "A report is missing before this one", retry: "re-read" },
  "wrong-offset": { status: 409, title: "The log does not end there", retry: "re-read" },
  conflict: { status: 409, title: "Something else stands in the way", retry: "re-read" },
  "idempotency-mismatch": { status: 409, title: "This key was used for another request", retry: "never" },
  "missing-blobs": { status: 409, title: "Some files are not here yet", retry: "re-read" },
  cleaned: { status: 410, title: "These bytes were cleaned up", retry: "never" },
  "cursor-expired": { status: 410, title: "Events that old are gone", retry: "re-read" },
  "too-large": { status: 413, title: "Too large", retry: "never" },
  invalid: { status: 422, title: "The request is not valid", retry: "never" },
  "rate-limited": { status: 429, title: "Too many requests", retry: "later" },
  internal: { status: 500, title: "The broker made a mistake", retry: "later" },
  busy: { status: 503, title: "The broker is busy", retry: "later" },
  "storage-down": { status: 503, title: "The storage does not answer", retry: "later" },
  "storage-full": { status: 507, title: "The disk is full", retry: "later" },
} as const satisfies Record<string, { status: number; title: string; retry: Retry }>;

export type ProblemCode = keyof typeof problemTable;
export const problemCodes = Object.keys(problemTable) as [ProblemCode, ...ProblemCode[]];

export const fieldErrorSchema = z
  .object({
    pointer: z.string().meta({ description: "JSON pointer, or a template path, to the field" }),
    detail: z.string(),
  })
  .meta({ id: "FieldError" });
export type FieldError = z.infer<typeof fieldErrorSchema>;

export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().meta({ description: "What happened here and what to do, for a person" }),
    instance: z.string().meta({ description: "The request's id, for the broker's log" }),
    code: z.enum(problemCodes),
    errors: z.array(fieldErrorSchema).optional(),
    offset: z.int().optional().meta({ description: "wrong-offset: where the log really ends" }),
    expected: z.int().optional().meta({ description: "sequence-gap: the number that comes next" }),
  })
  .meta({ id: "Problem" });
export type ProblemBody = z.infer<typeof problemSchema>;

export interface ProblemExtra {
  errors?: FieldError[];
  offset?: number;
  expected?: number;
}

/** A refusal with a code of the closed list; anything else that is thrown is a bug. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly detail: string;
  readonly extra: ProblemExtra;

  constructor(code: ProblemCode, detail: string, extra: ProblemExtra = {}) {
    super(`${code}: ${detail}`);
    this.name = "Problem";
    this.code = code;
    this.detail = detail;
    this.extra = extra;
  }
}
