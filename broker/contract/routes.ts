// One plain object per operation: method, path, who may, what goes in, what comes out. OpenAPI and the
// permission test are derived from this table; http/ adds the handlers.
import { z } from "zod";
import { artifactSchema, attemptSchema, eventSchema } from "./attempt.ts";
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
import type { ProblemCode } from "./problem.ts";
import type { Role } from "./states.ts";
import {
  systemSchema,
  templateSchema,
  tokenSchema,
  createTokenSchema,
  createdTokenSchema,
} from "./system.ts";
import {
  leaseAnswerSchema,
  ordersSchema,
  registeredWorkerSchema,
  registerWorkerSchema,
  renewedSchema,
  renewSchema,
  reportedSchema,
  reportSchema,
  setWorkerIntentSchema,
  stepScriptSchema,
  workerSchema,
} from "./worker.ts";

export interface Operation {
  method: "get" | "post" | "put" | "delete" | "head";
  path: string;
  summary: string;
  /** Who may; empty: everybody, no token needed. An artist acts on own jobs only (`own`). */
  roles: readonly Role[];
  own?: boolean;
  params?: z.ZodObject;
  query?: z.ZodObject;
  headers?: z.ZodObject;
  body?: z.ZodType;
  /** A body or answer of bytes instead of JSON. */
  bytesIn?: boolean;
  bytesOut?: boolean;
  status: 200 | 201 | 204;
  answer?: z.ZodType;
  problems: readonly ProblemCode[];
}

const people = ["admin", "artist"] as const;
const readers = ["admin", "artist", "viewer"] as const;
const workers = ["worker"] as const;
const job = z.object({ job: z.string().max(64).meta({ description: "A job's number or id" }) });
const worker = z.object({ worker: z.string().max(64) });
const lease = z.object({ lease: z.string().max(64) });
const page = {
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z.string().max(200).optional().meta({ description: "Opaque: `next` of the page before" }),
};
const pageOf = <T extends z.ZodType>(item: T) =>
  z.object({ items: z.array(item), next: z.string().nullable() });
const idempotency = z.object({ "idempotency-key": z.string().min(8).max(200) });

export const routes = {
  submitJob: {
    method: "post",
    path: "/v1/jobs",
    summary: "Submit a job; answered when it is durable",
    roles: people,
    headers: idempotency,
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
      "storage-full",
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
    params: job,
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
    params: job,
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
    params: job,
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
    params: job,
    body: requeueSchema,
    status: 200,
    answer: requeuedSchema,
    problems: ["malformed", "invalid", "not-found", "illegal-transition"],
  },
  listTasks: {
    method: "get",
    path: "/v1/jobs/{job}/tasks",
    summary: "Tasks in order, with their state",
    roles: readers,
    params: job,
    query: z.object({ ...page, step: z.string().max(64).optional(), state: z.string().max(16).optional() }),
    status: 200,
    answer: pageOf(taskSchema),
    problems: ["malformed", "invalid", "not-found"],
  },
  listAttempts: {
    method: "get",
    path: "/v1/jobs/{job}/attempts",
    summary: "Every try, newest first",
    roles: readers,
    params: job,
    query: z.object({
      ...page,
      step: z.string().max(64).optional(),
      ordinal: z.coerce.number().int().optional(),
    }),
    status: 200,
    answer: pageOf(attemptSchema),
    problems: ["malformed", "invalid", "not-found"],
  },
  listArtifacts: {
    method: "get",
    path: "/v1/jobs/{job}/artifacts",
    summary: "Result files and whether they are home",
    roles: readers,
    params: job,
    query: z.object(page),
    status: 200,
    answer: pageOf(artifactSchema),
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
    bytesOut: true,
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
    answer: z.object({ cursor: z.int(), events: z.array(eventSchema) }).meta({ id: "Events" }),
    problems: ["malformed", "not-found", "cursor-expired"],
  },
  listTemplates: {
    method: "get",
    path: "/v1/templates",
    summary: "Templates that ship with the broker",
    roles: readers,
    status: 200,
    answer: z.object({ items: z.array(templateSchema) }),
    problems: [],
  },
  getTemplate: {
    method: "get",
    path: "/v1/templates/{name}",
    summary: "The text of one shipped template",
    roles: readers,
    params: z.object({ name: z.string().max(64) }),
    status: 200,
    answer: templateSchema.extend({ text: z.string() }),
    problems: ["not-found"],
  },
  headBlob: {
    method: "head",
    path: "/v1/blobs/{sha256}",
    summary: "Are these bytes here?",
    roles: ["admin", "artist", "worker"],
    params: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
    status: 200,
    bytesOut: true,
    problems: ["not-found"],
  },
  putBlob: {
    method: "put",
    path: "/v1/blobs/{sha256}",
    summary: "Store bytes under their hash",
    roles: people,
    params: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
    bytesIn: true,
    status: 204,
    problems: ["malformed", "invalid", "too-large", "storage-full"],
  },
  getBlob: {
    method: "get",
    path: "/v1/blobs/{sha256}",
    summary: "Fetch bytes by their hash",
    roles: ["admin", "artist", "worker"],
    params: z.object({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
    bytesOut: true,
    status: 200,
    problems: ["not-found"],
  },
  listWorkers: {
    method: "get",
    path: "/v1/workers",
    summary: "Workers and what they do",
    roles: readers,
    query: z.object({
      all: z.stringbool().default(false).meta({ description: "Stopped and lost ones too" }),
    }),
    status: 200,
    answer: z.object({ items: z.array(workerSchema) }),
    problems: ["malformed"],
  },
  setWorkerIntent: {
    method: "put",
    path: "/v1/workers/{worker}/intent",
    summary: "Let a worker finish and leave, or go on",
    roles: ["admin"],
    params: worker,
    body: setWorkerIntentSchema,
    status: 200,
    answer: workerSchema,
    problems: ["malformed", "invalid", "not-found"],
  },
  registerWorker: {
    method: "post",
    path: "/v1/workers",
    summary: "An agent becomes a worker",
    roles: workers,
    body: registerWorkerSchema,
    status: 201,
    answer: registeredWorkerSchema,
    problems: ["malformed", "invalid"],
  },
  leaveWorker: {
    method: "delete",
    path: "/v1/workers/{worker}",
    summary: "A worker goes away; what it held goes back",
    roles: workers,
    params: worker,
    status: 204,
    problems: ["not-found"],
  },
  getOrders: {
    method: "get",
    path: "/v1/workers/{worker}/orders",
    summary: "Waits up to 25 s for orders newer than `after`",
    roles: workers,
    params: worker,
    query: z.object({ after: z.coerce.number().int().min(0).default(0) }),
    status: 200,
    answer: ordersSchema,
    problems: ["malformed", "not-found"],
  },
  leaseTask: {
    method: "post",
    path: "/v1/workers/{worker}/leases",
    summary: "Ask for work; the same unstarted lease again if there is one",
    roles: workers,
    params: worker,
    status: 200,
    answer: leaseAnswerSchema,
    problems: ["not-found", "conflict"],
  },
  getStepScript: {
    method: "get",
    path: "/v1/jobs/{job}/steps/{step}/script",
    summary: "What a step runs; never changes",
    roles: ["admin", "worker"],
    params: z.object({ job: z.string().max(64), step: z.coerce.number().int().min(0) }),
    status: 200,
    answer: stepScriptSchema,
    problems: ["malformed", "not-found"],
  },
  reportLease: {
    method: "post",
    path: "/v1/leases/{lease}/reports",
    summary: "What happened, in order; done may bring the next lease",
    roles: workers,
    params: lease,
    body: reportSchema,
    status: 200,
    answer: reportedSchema,
    problems: ["malformed", "invalid", "lease-lost", "sequence-gap", "storage-full"],
  },
  renewLease: {
    method: "post",
    path: "/v1/leases/{lease}/renew",
    summary: "Keep a lease; progress is passed on, not stored",
    roles: workers,
    params: lease,
    body: renewSchema,
    status: 200,
    answer: renewedSchema,
    problems: ["malformed", "invalid", "lease-lost"],
  },
  appendLog: {
    method: "put",
    path: "/v1/leases/{lease}/log",
    summary: "Append bytes to the lease's log at an offset",
    roles: workers,
    params: lease,
    query: z.object({ offset: z.coerce.number().int().min(0) }),
    headers: z.object({ "tally-lease-token": z.string().max(200) }),
    bytesIn: true,
    status: 200,
    answer: z.object({ bytes: z.int() }).meta({ id: "LogLength" }),
    problems: ["malformed", "lease-lost", "wrong-offset", "too-large", "storage-full"],
  },
  createToken: {
    method: "post",
    path: "/v1/tokens",
    summary: "Make a token for a person, a viewer or a worker",
    roles: ["admin"],
    body: createTokenSchema,
    status: 201,
    answer: createdTokenSchema,
    problems: ["malformed", "invalid"],
  },
  listTokens: {
    method: "get",
    path: "/v1/tokens",
    summary: "Tokens by name and role, never their text",
    roles: ["admin"],
    status: 200,
    answer: z.object({ items: z.array(tokenSchema) }),
    problems: [],
  },
  revokeToken: {
    method: "delete",
    path: "/v1/tokens/{token}",
    summary: "Make a token useless at once",
    roles: ["admin"],
    params: z.object({ token: z.string().max(64) }),
    status: 204,
    problems: ["not-found"],
  },
  getSystem: {
    method: "get",
    path: "/v1/system",
    summary: "Version, database, storage",
    roles: readers,
    status: 200,
    answer: systemSchema,
    problems: [],
  },
  stopBroker: {
    method: "post",
    path: "/v1/system/stop",
    summary: "Stop the broker; frames being rendered go back",
    roles: ["admin"],
    status: 204,
    problems: [],
  },
  health: {
    method: "get",
    path: "/health",
    summary: "Is it up?",
    roles: [],
    status: 200,
    answer: z
      .object({ ok: z.literal(true), name: z.literal("tally"), version: z.string() })
      .meta({ id: "Health" }),
    problems: [],
  },
} as const satisfies Record<string, Operation>;

export type OperationId = keyof typeof routes;
