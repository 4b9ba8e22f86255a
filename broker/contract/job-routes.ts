// The operations on jobs, frames, tries and events.
import { z } from "zod";
import { attemptSchema, eventSchema } from "./attempt.ts";
import {
  jobDetailSchema,
  jobSchema,
  planSchema,
  requeuedSchema,
  requeueSchema,
  setIntentSchema,
  setPrioritySchema,
  submitSchema,
  taskSchema,
} from "./job.ts";
import type { Operation } from "./operation.ts";
import { jobParams, page, pageOf, people, readers } from "./operation.ts";

export const jobRoutes = {
  submitJob: {
    method: "post",
    path: "/v1/jobs",
    summary: "Submit a job; answered when it is durable",
    roles: people,
    headers: z.object({ "idempotency-key": z.string().min(8).max(200) }),
    body: submitSchema,
    status: 201,
    answer: jobSchema,
    problems: [
      "malformed",
      "invalid",
      "too-large",
      "not-found",
      "conflict",
      "idempotency-mismatch",
      "missing-blobs",
      "storage-full",
      "storage-down",
    ],
  },
  planJob: {
    method: "post",
    path: "/v1/plans",
    summary: "What submit would create; changes nothing",
    roles: people,
    body: submitSchema,
    status: 200,
    answer: planSchema,
    problems: ["malformed", "invalid", "too-large", "not-found", "conflict"],
  },
  listJobs: {
    method: "get",
    path: "/v1/jobs",
    summary: "Jobs, newest first",
    roles: readers,
    query: z.object({ ...page, state: z.string().max(64).optional(), owner: z.string().max(128).optional() }),
    status: 200,
    answer: pageOf(jobSchema),
    problems: ["malformed", "invalid"],
  },
  getJob: {
    method: "get",
    path: "/v1/jobs/{job}",
    summary: "One job with its steps; `latest` is the newest",
    roles: readers,
    params: jobParams,
    status: 200,
    answer: jobDetailSchema,
    problems: ["not-found"],
  },
  setJobIntent: {
    method: "put",
    path: "/v1/jobs/{job}/intent",
    summary: "Run, pause or cancel a job",
    roles: people,
    own: true,
    params: jobParams,
    body: setIntentSchema,
    status: 200,
    answer: jobSchema,
    problems: ["malformed", "invalid", "not-found", "illegal-transition"],
  },
  setJobPriority: {
    method: "put",
    path: "/v1/jobs/{job}/priority",
    summary: "Change a job's priority",
    roles: people,
    own: true,
    params: jobParams,
    body: setPrioritySchema,
    status: 200,
    answer: jobSchema,
    problems: ["malformed", "invalid", "not-found"],
  },
  requeueTasks: {
    method: "post",
    path: "/v1/jobs/{job}/requeue",
    summary: "Render frames anew: all, a step, some, or the failed ones",
    roles: people,
    own: true,
    params: jobParams,
    body: requeueSchema,
    status: 200,
    answer: requeuedSchema,
    problems: ["malformed", "invalid", "not-found", "illegal-transition", "cleaned"],
  },
  listTasks: {
    method: "get",
    path: "/v1/jobs/{job}/tasks",
    summary: "Tasks in order, with their state",
    roles: readers,
    params: jobParams,
    query: z.object({
      ...page,
      step: z.string().max(64).optional(),
      ordinal: z.coerce.number().int().min(0).optional(),
      state: z.string().max(16).optional(),
    }),
    status: 200,
    answer: pageOf(taskSchema),
    problems: ["malformed", "invalid", "not-found"],
  },
  listAttempts: {
    method: "get",
    path: "/v1/jobs/{job}/attempts",
    summary: "Every try, newest first; not what a worker gave back before it began",
    roles: readers,
    params: jobParams,
    query: z.object({
      ...page,
      step: z.string().max(64).optional(),
      ordinal: z.coerce.number().int().optional(),
      begun: z
        .stringbool()
        .default(false)
        .meta({ description: "Only those that a worker began, not what waits for its turn on one" }),
    }),
    status: 200,
    answer: pageOf(attemptSchema),
    problems: ["malformed", "invalid", "not-found"],
  },
  readLog: {
    method: "get",
    path: "/v1/attempts/{attempt}/log",
    summary: "The text of one try, from a byte offset",
    roles: readers,
    params: z.object({ attempt: z.string().max(64) }),
    query: z.object({
      from: z.coerce.number().int().min(0).default(0),
      limit: z.coerce.number().int().min(1).max(4_194_304).default(1_048_576),
    }),
    bytesOut: "text",
    status: 200,
    problems: ["malformed", "not-found"],
  },
  listEvents: {
    method: "get",
    path: "/v1/events",
    summary: "Events after a cursor; waits for the next one when asked",
    roles: readers,
    query: z.object({
      after: z.coerce
        .number()
        .int()
        .min(0)
        .optional()
        .meta({ description: "Absent: nothing yet, just the newest cursor" }),
      job: z.string().max(64).optional(),
      limit: z.coerce.number().int().min(1).max(1000).default(500),
      waitSeconds: z.coerce.number().min(0).max(25).default(0),
    }),
    status: 200,
    answer: z
      .object({
        cursor: z.int(),
        oldest: z
          .int()
          .meta({ description: "Events are told from behind this cursor on: older ones are gone" }),
        events: z.array(eventSchema),
      })
      .meta({ id: "Events" }),
    problems: ["malformed", "not-found", "cursor-expired"],
  },
} as const satisfies Record<string, Operation>;
