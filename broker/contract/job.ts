// What is said about jobs and steps on the wire: submit, plan, list, show, act.
import { z } from "zod";
import { blobRefSchema, sha256Schema } from "./blob.ts";
import { lineSchema, nameSchema } from "./name.ts";
import { jobIntents, jobStates, taskStates } from "./states.ts";

/** Tasks a job may have unless the config says otherwise (design §4). */
export const maxTasksPerJob = 100_000;

export const parameterValueSchema = z.object({
  type: z.enum(["STRING", "INT", "FLOAT", "PATH"]),
  value: z.string(),
});

/** They travel with the job in every list and every event. */
export const maxLabels = 1000;

export const frameOrders = ["in-order", "every-nth", "first-middle-last"] as const;

/** Tally's own settings beside the template (design §5); never keys inside it. */
export const jobSettingsSchema = z
  .object({
    name: nameSchema(256).optional().meta({ description: "Default: the template's own name" }),
    priority: z.int().min(0).max(100).default(50),
    pool: z.string().max(64).optional(),
    labels: z
      .record(lineSchema(64), lineSchema(256))
      .refine((labels) => Object.keys(labels).length <= maxLabels, `A job has at most ${maxLabels} labels`)
      .meta({ maxProperties: maxLabels })
      .default({}),
    maxRetries: z
      .int()
      .min(0)
      .max(100)
      .default(2)
      .meta({ description: "Tries again after a frame's own failure" }),
    maxFailedTasks: z
      .int()
      .min(1)
      .max(100_000)
      .default(10)
      .meta({ description: "The job stops after so many failed frames" }),
    frameTimeoutSeconds: z.number().positive().max(2_592_000).optional(),
    order: z.enum(frameOrders).default("in-order"),
    paused: z.boolean().default(false),
    blenderSeries: z
      .string()
      .regex(/^\d+\.\d+$/)
      .optional()
      .meta({ description: "The one Blender series that renders this job, such as 4.5" }),
    frameParameter: z
      .string()
      .max(64)
      .optional()
      .meta({ description: "The task parameter that is the frame number" }),
    framesPerSecond: z
      .number()
      .min(0.01)
      .max(1000)
      .optional()
      .meta({ description: "How fast the frames are played; their pictures do not depend on it" }),
    outputPattern: z.string().max(4096).optional().meta({
      description:
        "Full name of the frames' files with #### for the frame; two live jobs may not write the same ones",
    }),
    outputFolders: z.array(z.string().max(4096)).max(1000).default([]).meta({
      description: "Folders (absolute) that files of this job may be brought home to",
    }),
    resultFolders: z.array(z.string().max(4096)).max(1000).default([]).meta({
      description:
        "Folders (absolute), besides those of OUT parameters, whose new and changed files are results of generic tasks",
    }),
    conflict: z
      .enum(["overwrite", "skip"])
      .default("overwrite")
      .meta({ description: "When a file is already there" }),
    allowSharedOutput: z.boolean().default(false),
    home: z
      .enum(["broker", "pull"])
      .default("broker")
      .meta({ description: "Who brings the files home: the broker, on its own machine, or `tally pull`" }),
    allowMissing: z.boolean().optional().meta({
      description: "Take the job although input files, which are read where they lie, are not there (yet)",
    }),
    filesInPlace: z.boolean().default(false).meta({
      description: "Input files are read where they lie: only workers of the broker's own machine may run it",
    }),
  })
  .strict()
  .meta({ id: "JobSettings" });
export type JobSettings = z.infer<typeof jobSettingsSchema>;

const scalar = z.union([z.string().max(65_536), z.number(), z.boolean()]);

export const submitSchema = z
  .object({
    template: z
      .string()
      .min(1)
      .optional()
      .meta({ description: "An OpenJD job template, YAML 1.2 or JSON text" }),
    templateName: z.string().max(64).optional().meta({ description: "Or the name of a shipped template" }),
    environments: z
      .array(z.string())
      .max(20)
      .default([])
      .meta({ description: "OpenJD environment templates" }),
    parameters: z.record(z.string(), scalar).default({}),
    templateDirectory: z.string().max(4096).optional(),
    currentDirectory: z.string().max(4096).optional(),
    manifest: blobRefSchema.optional().meta({
      description: "The job's input files: the blob of a Manifest, whose files were uploaded before",
    }),
    settings: jobSettingsSchema.prefault({}),
  })
  .strict()
  .meta({ id: "Submit" });
export type Submit = z.infer<typeof submitSchema>;
export type SubmitInput = z.input<typeof submitSchema>;

const count = z.int().nonnegative();
export const taskCountsSchema = z
  .object({ blocked: count, ready: count, running: count, succeeded: count, failed: count, canceled: count })
  .meta({ id: "TaskCounts" });
export type TaskCounts = z.infer<typeof taskCountsSchema>;

export const stepSchema = z
  .object({
    index: count,
    name: z.string(),
    dependsOn: z.array(z.string()),
    taskCount: count,
    counts: taskCountsSchema,
    meanSeconds: z.number().nullable().meta({ description: "Mean time of a succeeded frame, seconds" }),
  })
  .meta({ id: "Step" });
export type Step = z.infer<typeof stepSchema>;

export const jobSchema = z
  .object({
    id: z.string(),
    number: z.int().positive().meta({ description: "The short number a person types" }),
    name: z.string(),
    owner: z.string(),
    state: z.enum(jobStates),
    intent: z.enum(jobIntents),
    intentReason: z.string().nullable(),
    priority: z.int(),
    labels: z.record(z.string(), z.string()),
    taskCount: count,
    counts: taskCountsSchema,
    deliveredFiles: count,
    createdAt: z.string(),
    startedAt: z.string().nullable(),
    endedAt: z.string().nullable(),
    outputPattern: z.string().nullable(),
    templateName: z.string().nullable(),
    picture: sha256Schema
      .nullable()
      .meta({ description: "The bytes of its newest preview, if there is one" }),
  })
  .meta({ id: "Job" });
export type Job = z.infer<typeof jobSchema>;

export const jobDetailSchema = jobSchema
  .extend({
    steps: z.array(stepSchema),
    parameters: z.record(z.string(), parameterValueSchema),
    settings: jobSettingsSchema,
    pausedPools: z.array(z.string()).meta({
      description: "Why it waits: these pools are paused as a whole. Empty: not for that",
    }),
    pausedWorkers: z.array(z.string()).meta({
      description:
        "Why it waits: every worker that could render what waits is paused, in other pools these by themselves (at most 20). Empty: not for that",
    }),
    failures: z
      .array(z.object({ reason: z.string(), count, step: z.string(), ordinals: z.array(count) }))
      .meta({ description: "Failed frames grouped by reason; at most 20 groups, 20 ordinals each" }),
  })
  .meta({ id: "JobDetail" });
export type JobDetail = z.infer<typeof jobDetailSchema>;

export const planSchema = z
  .object({
    name: z.string(),
    taskCount: count,
    steps: z.array(z.object({ name: z.string(), taskCount: count, dependsOn: z.array(z.string()) })),
    parameters: z.record(z.string(), parameterValueSchema),
  })
  .meta({ id: "Plan" });
export type Plan = z.infer<typeof planSchema>;

export const setIntentSchema = z
  .object({ intent: z.enum(["run", "pause", "cancel"]) })
  .strict()
  .meta({ id: "SetIntent" });

export const setPrioritySchema = z
  .object({ priority: z.int().min(0).max(100) })
  .strict()
  .meta({ id: "SetPriority" });

export const requeueSchema = z
  .object({
    step: z.string().optional(),
    frames: z
      .string()
      .max(10_000)
      .optional()
      .meta({ description: "Frame numbers as a range expression: 1-10,15" }),
    ordinals: z.array(count).max(100_000).optional(),
    failedOnly: z.boolean().default(false),
  })
  .strict()
  .meta({ id: "Requeue" });
export type Requeue = z.infer<typeof requeueSchema>;
export const requeuedSchema = z.object({ requeued: count }).meta({ id: "Requeued" });

export const taskSchema = z
  .object({
    step: z.string(),
    ordinal: count,
    frame: z.string().nullable().meta({ description: "The frame number, where the step has one" }),
    parameters: z.record(z.string(), z.string()),
    state: z.enum(taskStates),
    generation: z.int().positive(),
    failures: count,
    losses: count,
    reason: z.string().nullable().meta({ description: "Why it failed last, one sentence" }),
    seconds: z.number().nullable(),
    worker: z.string().nullable(),
    files: z.array(z.string()).meta({ description: "Where its result lies, once it is home" }),
  })
  .meta({ id: "Task" });
export type Task = z.infer<typeof taskSchema>;
