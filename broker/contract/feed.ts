// What the feed says, version 1: a closed union of messages from the broker; readers say nothing. Titles, not ids: what has
// an id becomes part of the OpenAPI document.
import { z } from "zod";
import { eventSchema } from "./attempt.ts";
import { FEED_VERSION } from "./feed-words.ts";
import { jobDetailSchema, jobSchema } from "./job.ts";
import { workerSchema } from "./worker.ts";

const count = z.int().nonnegative();
const v = z.literal(FEED_VERSION);
const cursor = z
  .string()
  .meta({ description: "`<epoch>.<n>`; give it back as `after` to go on behind this message" });

/**
 * A job as its own topic shows it: without settings, which never change and may be long, and without what follows from
 * the workers (`GET /v1/jobs/{job}`).
 */
export const feedJobDetailSchema = jobDetailSchema
  .omit({ settings: true, pausedPools: true, pausedWorkers: true })
  .extend({
    framesPerSecond: z
      .number()
      .nullable()
      .meta({ description: "How fast its frames are played, where it says so" }),
  })
  .meta({ title: "FeedJobDetail" });
export type FeedJobDetail = z.infer<typeof feedJobDetailSchema>;

export const stepStatesSchema = z
  .object({
    step: z.string(),
    encoding: z.enum(["chars", "runs"]),
    text: z.string().meta({
      description:
        "One letter a task in the order of ordinals (b blocked, q ready, r running, s succeeded, f failed, c canceled), or runs such as 4998s1r1q",
    }),
    frames: z.string().nullable().meta({
      description:
        "Frame numbers in the order of ordinals, as a range expression; null where there are none, or too irregular",
    }),
  })
  .meta({ title: "StepStates" });
export type StepStates = z.infer<typeof stepStatesSchema>;

export const logLengthSchema = z
  .object({
    attemptId: z.string(),
    bytes: count.meta({
      description: "How long the log of this try is now; GET /v1/attempts/{id}/log has it",
    }),
    complete: z.boolean().meta({ description: "Nothing more will come" }),
  })
  .meta({ title: "LogLength" });
export type LogLength = z.infer<typeof logLengthSchema>;

/** What changes about a worker all the time, and is never stored. */
export const workerNowSchema = workerSchema
  .pick({
    id: true,
    state: true,
    jobNumber: true,
    step: true,
    ordinals: true,
    progress: true,
    lastSeenAt: true,
  })
  .meta({ title: "WorkerNow" });
export type WorkerNow = z.infer<typeof workerNowSchema>;

export const taskProgressSchema = z
  .object({
    jobId: z.string(),
    jobNumber: z.int(),
    step: z.string(),
    ordinal: count,
    percent: z.number().meta({
      description:
        "From 0, which is told when the frame is begun: one that is running and was not told of waits for its turn on its worker",
    }),
    status: z.string().nullable(),
  })
  .meta({ title: "TaskProgress" });
export type TaskProgress = z.infer<typeof taskProgressSchema>;

export const feedEventSchema = eventSchema
  .extend({
    job: jobSchema
      .extend(feedJobDetailSchema.pick({ steps: true, failures: true }).partial().shape)
      .optional()
      .meta({
        description:
          "The job as it is now; with its steps and failures for readers of its own topic. On job.created, job.changed and on the newest event of each job in a message",
      }),
    worker: workerSchema.optional().meta({ description: "On worker.changed: the worker as it is now" }),
  })
  .meta({ title: "FeedEvent" });
export type FeedEvent = z.infer<typeof feedEventSchema>;

export const resetReasons = ["epoch", "pruned", "ahead"] as const;

export const feedMessageSchema = z
  .discriminatedUnion("type", [
    z
      .object({
        v,
        type: z.literal("hello"),
        epoch: z.string(),
        version: z.string().meta({ description: "Of the broker" }),
        cursor,
        tickSeconds: z
          .number()
          .meta({ description: "Silence of more than two of these means a dead connection" }),
        resumed: z
          .boolean()
          .meta({ description: "True: events go on behind `after`. False: snapshots follow" }),
      })
      .meta({ title: "FeedHello" }),
    z
      .object({
        v,
        type: z.literal("snapshot"),
        topic: z.string(),
        cursor,
        part: count,
        last: z.boolean().meta({ description: "The last part of this topic" }),
        jobs: z.array(jobSchema).optional().meta({ description: "Topic jobs" }),
        job: feedJobDetailSchema.optional().meta({ description: "Topic job:" }),
        states: z.array(stepStatesSchema).optional().meta({ description: "Topic job:" }),
        workers: z.array(workerSchema).optional().meta({
          description: "Topic workers: those that are here, and paused ones (`intent`) that will come back",
        }),
        pausedPools: z
          .array(z.string())
          .optional()
          .meta({ description: "Topic workers: pools that are paused as a whole, by name" }),
        log: logLengthSchema.optional().meta({ description: "Topic log:" }),
      })
      .meta({ title: "FeedSnapshot" }),
    z
      .object({ v, type: z.literal("events"), cursor, events: z.array(feedEventSchema) })
      .meta({ title: "FeedEvents" }),
    z
      .object({
        v,
        type: z.literal("progress"),
        tasks: z.array(taskProgressSchema).meta({ description: "Topic job:" }),
        workers: z.array(workerNowSchema).meta({ description: "Topic workers" }),
      })
      .meta({ title: "FeedProgress" }),
    logLengthSchema.extend({ v, type: z.literal("log") }).meta({ title: "FeedLog" }),
    z.object({ v, type: z.literal("tick"), cursor, at: z.string() }).meta({ title: "FeedTick" }),
    z
      .object({
        v,
        type: z.literal("reset"),
        reason: z.enum(resetReasons),
        detail: z.string().meta({ description: "Why what you know is of no use any more, for a person" }),
      })
      .meta({ title: "FeedReset" }),
  ])
  .meta({ title: "FeedMessage" });
export type FeedMessage = z.infer<typeof feedMessageSchema>;
export type FeedMessageOf<T extends FeedMessage["type"]> = Extract<FeedMessage, { type: T }>;
