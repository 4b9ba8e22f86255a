// What workers say and hear: register, lease, report, orders (design §5 and §6).
import { z } from "zod";
import { blobRefSchema, sha256Schema } from "./blob.ts";
import { failureClasses, poolIntents, workerIntents, workerStates } from "./states.ts";
import { sharedRootSchema } from "./system.ts";
import { parameterValueSchema } from "./job.ts";
import { lineSchema, nameSchema } from "./name.ts";

export const blenderInstallSchema = z
  .object({
    series: z.string().meta({ description: "4.5" }),
    version: z.string(),
    path: z.string(),
    kind: z.enum(["blender", "bpy"]),
    source: z.string(),
  })
  .meta({ id: "BlenderInstall" });

export const registerWorkerSchema = z
  .object({
    name: nameSchema(128),
    launchId: z.string().max(64).optional().meta({ description: "Given by a launcher" }),
    pool: lineSchema(64).default("local"),
    agentVersion: z.string().max(64),
    osFamily: z.enum(["linux", "macos", "windows"]),
    amounts: z
      .record(z.string().max(100), z.number())
      .meta({ description: "amount.worker.vcpu and friends" }),
    attributes: z.record(z.string().max(100), z.array(z.string().max(100))),
    blenders: z.array(blenderInstallSchema).max(100).default([]),
  })
  .meta({ id: "RegisterWorker" });
export type RegisterWorker = z.infer<typeof registerWorkerSchema>;

export const registeredWorkerSchema = z
  .object({
    workerId: z.string(),
    leaseTermMs: z.int(),
    renewEveryMs: z.int(),
    idleExitMs: z.int().nullable().meta({ description: "Leave after so long without work; null: never" }),
  })
  .meta({ id: "RegisteredWorker" });

export const workerSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    pool: z.string(),
    state: z.enum(workerStates),
    intent: z.enum(workerIntents).meta({
      description:
        "What a person asked of it. `pause` outlives its agent: it comes back paused. One that is `paused` with `run` here is so with its pool",
    }),
    osFamily: z.string(),
    blenders: z.array(blenderInstallSchema),
    amounts: z.record(z.string(), z.number()),
    attributes: z.record(z.string(), z.array(z.string())),
    jobNumber: z.int().nullable(),
    step: z.string().nullable(),
    ordinals: z.array(z.int()),
    progress: z.number().nullable().meta({ description: "Of the frame it renders now, 0 to 100" }),
    registeredAt: z.string(),
    lastSeenAt: z.string(),
  })
  .meta({ id: "Worker" });
export type Worker = z.infer<typeof workerSchema>;

export const leasedTaskSchema = z.object({
  ordinal: z.int(),
  generation: z.int(),
  attemptId: z.string(),
  parameters: z.record(z.string(), z.object({ type: z.string(), value: z.string() })),
});

/** The right to run these tasks with one action. The script is fetched once a step (`stepScript`). */
export const leaseSchema = z
  .object({
    leaseId: z.string(),
    token: z.string(),
    jobId: z.string(),
    jobNumber: z.int(),
    stepIndex: z.int(),
    sessionKey: z.string().meta({ description: "Leases with the same key may share a session" }),
    termMs: z.int(),
    tasks: z.array(leasedTaskSchema),
    actionParameters: z
      .record(z.string(), z.object({ type: z.string(), value: z.string() }))
      .meta({ description: "Task parameters of the one action: for a chunk the range text, such as 1-4" }),
    frameParameter: z.string().nullable(),
  })
  .meta({ id: "Lease" });
export type Lease = z.infer<typeof leaseSchema>;

/** Everything that is the same for every lease of a step; never changes, so agents keep it. */
export const stepScriptSchema = z
  .object({
    jobName: z.string(),
    stepName: z.string(),
    extensions: z.array(z.string()),
    environments: z.array(z.unknown()).meta({ description: "OpenJD environments, outermost first" }),
    script: z.unknown().meta({ description: "The OpenJD step script" }),
    parameters: z.record(z.string(), parameterValueSchema),
    manifest: blobRefSchema.nullable().meta({ description: "The job's input files" }),
    needs: z.array(z.string()).meta({
      description:
        "Parameters that this step uses: of the manifest it needs their groups and the files of no group",
    }),
    outputs: z
      .array(
        z.object({
          parameter: z
            .string()
            .meta({ description: "Empty: a folder of the job's setting `resultFolders`, as if OUT" }),
          path: z.string(),
          objectType: z.enum(["FILE", "DIRECTORY"]),
          dataFlow: z.enum(["OUT", "INOUT"]),
        }),
      )
      .meta({ description: "PATH parameters of the job that a task may write to" }),
    upstream: z.boolean().meta({ description: "It depends on other steps: their results are its inputs" }),
    filesInPlace: z.boolean(),
    sharedRoots: z.array(sharedRootSchema),
    blenderSeries: z.string().nullable(),
    frameTimeoutSeconds: z.number().nullable(),
  })
  .meta({ id: "StepScript" });
export type StepScript = z.infer<typeof stepScriptSchema>;

/** A file that a task made: staged on the broker's own machine (`path`), or uploaded before (its blob is there). */
export const reportFileSchema = z
  .object({
    path: z
      .string()
      .max(4096)
      .optional()
      .meta({ description: "Where it lies now, inside the folder of this lease; absent: it was uploaded" }),
    name: z.string().max(4096).meta({ description: "Where a local render would have written it (absolute)" }),
    bytes: z.int().nonnegative(),
    sha256: sha256Schema,
    executable: z.literal(true).optional(),
  })
  .meta({ id: "ReportFile" });
export type ReportFile = z.infer<typeof reportFileSchema>;
/** Files that one task may report. */
export const maxReportFiles = 10_000;
const files = z.array(reportFileSchema).max(maxReportFiles).default([]);
const partial = files.meta({ description: "What it had written by then: kept, not brought home by itself" });

const at = { ordinal: z.int().nonnegative(), logOffset: z.int().nonnegative() };
export const reportItemSchema = z
  .discriminatedUnion("type", [
    z.object({ type: z.literal("started"), ...at }).meta({ id: "ReportStarted" }),
    z
      .object({
        type: z.literal("succeeded"),
        ...at,
        seconds: z.number().nonnegative(),
        exitCode: z.int().optional(),
        device: z
          .string()
          .max(200)
          .optional()
          .meta({ description: "What it was rendered on: CPU, or the GPU's name" }),
        files,
      })
      .meta({ id: "ReportSucceeded" }),
    z
      .object({
        type: z.literal("failed"),
        ...at,
        seconds: z.number().nonnegative(),
        exitCode: z.int().optional(),
        failureClass: z.enum(failureClasses),
        reason: z.string().max(4000),
        files: partial,
      })
      .meta({ id: "ReportFailed" }),
    z
      .object({ type: z.literal("released"), ...at, reason: z.string().max(4000).optional() })
      .meta({ id: "ReportReleased" }),
    z.object({ type: z.literal("canceled"), ...at, files: partial }).meta({ id: "ReportCanceled" }),
  ])
  .meta({ id: "ReportItem" });
export type ReportItem = z.infer<typeof reportItemSchema>;

export const reportSchema = z
  .object({
    token: z.string().max(200),
    seq: z.int().positive().meta({ description: "1, 2, 3 … within the lease" }),
    items: z.array(reportItemSchema).max(5000),
    done: z.boolean().default(false).meta({ description: "The lease ends; tasks not closed go back" }),
    next: z.boolean().default(false).meta({ description: "With done: lease me the next task in the answer" }),
  })
  .meta({ id: "Report" });
export type Report = z.infer<typeof reportSchema>;
export type ReportInput = z.input<typeof reportSchema>;

/** Results of the steps that this one depends on, as they are to appear among its inputs. */
export const leaseInputsSchema = z
  .object({
    items: z.array(
      z.object({
        name: z.string(),
        sha256: sha256Schema,
        bytes: z.int().nonnegative(),
        executable: z.literal(true).optional(),
      }),
    ),
    next: z.string().nullable(),
  })
  .meta({ id: "LeaseInputs" });
export type LeaseInputs = z.infer<typeof leaseInputsSchema>;

export const reportedSchema = z
  .object({ seq: z.int(), next: leaseSchema.nullable() })
  .meta({ id: "Reported" });
export const leaseAnswerSchema = z.object({ lease: leaseSchema.nullable() }).meta({ id: "LeaseAnswer" });

export const renewSchema = z
  .object({
    token: z.string().max(200),
    progress: z
      .array(
        z.object({
          ordinal: z.int(),
          percent: z.number().min(0).max(100),
          status: z.string().max(1000).optional(),
        }),
      )
      .max(100)
      .default([]),
  })
  .meta({ id: "Renew" });
export const renewedSchema = z.object({ termMs: z.int() }).meta({ id: "Renewed" });

export const orderSchema = z
  .discriminatedUnion("kind", [
    z.object({ kind: z.literal("lease-available") }).meta({ id: "OrderLeaseAvailable" }),
    z
      .object({ kind: z.literal("stop-lease"), leaseId: z.string(), reason: z.string() })
      .meta({ id: "OrderStopLease" }),
    z.object({ kind: z.literal("finish-frame"), leaseId: z.string() }).meta({ id: "OrderFinishFrame" }),
    z
      .object({ kind: z.literal("pause") })
      .meta({ id: "OrderPause", description: "Take no more, and stay until it is gone from the orders" }),
    z.object({ kind: z.literal("drain") }).meta({ id: "OrderDrain" }),
  ])
  .meta({ id: "Order" });
export type Order = z.infer<typeof orderSchema>;
export const ordersSchema = z
  .object({
    version: z.int().meta({ description: "Ask again with ?after= this" }),
    orders: z.array(orderSchema),
  })
  .meta({ id: "Orders" });

export const setWorkerIntentSchema = z
  .object({
    intent: z.enum(workerIntents).meta({
      description:
        "pause: finish the frame in work and take no more until told to run; drain: finish it and leave",
    }),
  })
  .strict()
  .meta({ id: "SetWorkerIntent" });

export const setPoolIntentSchema = z
  .object({
    intent: z.enum(poolIntents).meta({
      description:
        "pause: its workers finish the frame in work, none is started, and whoever comes begins paused, until it is told to run",
    }),
  })
  .strict()
  .meta({ id: "SetPoolIntent" });
export const poolIntentSchema = z
  .object({
    pool: z.string(),
    intent: z.enum(poolIntents),
    workers: z.array(workerSchema).meta({
      description:
        "Those of it that are here, or paused by themselves: such a one stays so when its pool goes on",
    }),
  })
  .meta({ id: "PoolIntent" });

export const workerListSchema = z
  .object({
    items: z.array(workerSchema),
    pausedPools: z.array(z.string()).meta({ description: "Pools that are paused as a whole, by name" }),
  })
  .meta({ id: "WorkerList" });
