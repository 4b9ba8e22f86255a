// One try at one task, and the files it made, as they appear on the wire.
import { z } from "zod";
import { sha256Schema } from "./blob.ts";
import { attemptStates, failureClasses } from "./states.ts";

export const attemptSchema = z
  .object({
    id: z.string(),
    jobNumber: z.int(),
    step: z.string(),
    ordinal: z.int(),
    frame: z.string().nullable(),
    generation: z.int(),
    state: z.enum(attemptStates),
    worker: z.string(),
    leaseId: z.string(),
    createdAt: z.string(),
    startedAt: z.string().nullable(),
    endedAt: z.string().nullable(),
    seconds: z.number().nullable(),
    failureClass: z.enum(failureClasses).nullable(),
    reason: z.string().nullable(),
    exitCode: z.int().nullable(),
    device: z.string().nullable().meta({ description: "What it was rendered on, as the renderer says" }),
    logFrom: z.int().nullable(),
    logTo: z.int().nullable().meta({ description: "Null while the log still grows" }),
  })
  .meta({ id: "Attempt" });
export type Attempt = z.infer<typeof attemptSchema>;

export const artifactStates = ["current", "replaced", "partial"] as const;

/** `preview`: a small picture of another file of the same try. */
export const artifactKinds = ["file", "preview"] as const;

export const artifactSchema = z
  .object({
    id: z.string(),
    kind: z.enum(artifactKinds),
    of: z
      .string()
      .nullable()
      .meta({ description: "Of a preview: the file that it shows, which has its name" }),
    attemptId: z.string(),
    step: z.string(),
    ordinal: z.int(),
    frame: z.string().nullable(),
    generation: z.int(),
    name: z.string().meta({ description: "Where a local render would have written it" }),
    bytes: z.int(),
    sha256: sha256Schema,
    state: z.enum(artifactStates).meta({
      description:
        "current: of the try that counts; replaced: a newer one counts; partial: of a try that failed or was canceled",
    }),
    outside: z.boolean().meta({
      description: "Not below a folder that the job may write to: it is never put there by itself",
    }),
    executable: z.boolean(),
    kept: z.boolean().meta({ description: "Whether the broker still has its bytes" }),
    deliveredAt: z
      .string()
      .nullable()
      .meta({ description: "When it came home, or was left out: then `problem` says why" }),
    problem: z.string().nullable().meta({ description: "Why it could not be brought home, and what to do" }),
  })
  .meta({ id: "Artifact" });
export type Artifact = z.infer<typeof artifactSchema>;

export const markDeliveredSchema = z
  .object({
    artifacts: z.array(z.string().max(64)).max(1000),
    leftOut: z
      .array(z.string().max(64))
      .max(1000)
      .default([])
      .meta({ description: "Not brought: another file was there already, and was kept" }),
  })
  .strict()
  .meta({ id: "MarkDelivered" });

export const eventKinds = [
  "job.created",
  "job.changed",
  "task.changed",
  "artifact.delivered",
  "artifact.previewed",
  "worker.changed",
  "pool.changed",
] as const;

/** One immutable row "this changed". Replace by key: duplicates are harmless. */
export const eventSchema = z
  .object({
    cursor: z.int(),
    at: z.string(),
    kind: z.enum(eventKinds),
    jobId: z.string().nullable(),
    jobNumber: z.int().nullable(),
    step: z.string().nullable(),
    first: z.int().nullable().meta({ description: "First ordinal it is about" }),
    last: z.int().nullable(),
    state: z.string().nullable(),
    data: z.record(z.string(), z.unknown()).nullable(),
  })
  .meta({ id: "Event" });
export type Event = z.infer<typeof eventSchema>;
