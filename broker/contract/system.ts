// The broker itself, its templates and its tokens, as they appear on the wire.
import { z } from "zod";
import { nameSchema } from "./name.ts";
import { roles } from "./states.ts";

/** A folder that the studio's machines all see, as each system spells it. Files below are never uploaded. */
export const sharedRootSchema = z
  .object({
    name: z.string().min(1).max(64),
    linux: z.string().max(4096).optional(),
    macos: z.string().max(4096).optional(),
    windows: z.string().max(4096).optional(),
  })
  .strict()
  .meta({ id: "SharedRoot" });
export type SharedRoot = z.infer<typeof sharedRootSchema>;

const days = z.number().min(0).max(36_500);
export const cleanSchema = z
  .object({
    dryRun: z.boolean().default(true).meta({ description: "Say what would go; remove nothing" }),
    deliveredDays: days.optional().meta({
      description: "Results that have been home for so many days; default: as in tally.yaml",
    }),
    inputDays: days.optional().meta({
      description: "Input files of jobs that ended so many days ago; default: as in tally.yaml",
    }),
    undeliveredDays: days.optional().meta({
      description: "Results that never came home, of jobs that ended so many days ago; default: never",
    }),
    job: z.string().max(64).optional().meta({ description: "This job alone: all its bytes, now" }),
    strays: z.boolean().default(true).meta({
      description: "Look through the whole store too, for bytes that the database does not know",
    }),
  })
  .strict()
  .meta({ id: "Clean" });
const cleaned = z.object({ files: z.int(), bytes: z.int() });
/** Figures of what leaves the disk, each file once; of a dry run, what would. */
export const cleanedSchema = z
  .object({
    dryRun: z.boolean(),
    results: cleaned.meta({ description: "Results that are home" }),
    undelivered: cleaned.meta({ description: "Results that never came home" }),
    previews: cleaned.meta({ description: "Small pictures of results, which go when the job's inputs do" }),
    inputs: cleaned.meta({ description: "Input files that no kept job needs" }),
    orphans: cleaned.meta({ description: "Bytes that belong to no job, older than a day" }),
    later: cleaned.meta({
      description: "Let go too, but used within the last day: leaves the disk a day after that",
    }),
    uploads: z.int().meta({ description: "Uploads that were begun and left, older than a day" }),
  })
  .meta({ id: "Cleaned" });
export type Cleaned = z.infer<typeof cleanedSchema>;

export const systemSchema = z
  .object({
    name: z.literal("tally"),
    version: z.string(),
    startedAt: z.string(),
    dataFolder: z.string(),
    databaseBytes: z.int().describe("On the disk, with the pages that are not in the main file yet"),
    schemaVersion: z.int(),
    freeBytes: z.int(),
    pools: z.array(z.object({ name: z.string(), kind: z.string(), slots: z.int(), workers: z.int() })),
    templates: z.int(),
    storage: z
      .object({
        kind: z.enum(["folder", "s3"]),
        folder: z
          .string()
          .nullable()
          .meta({ description: "Where blobs lie, for programs on this very machine; null for S3" }),
        blobs: z.int().meta({ description: "How many blobs there are" }),
        bytes: z.int().meta({ description: "How large they are together" }),
      })
      .meta({ id: "Storage" }),
    sharedRoots: z.array(sharedRootSchema),
    retention: z
      .object({
        deliveredDays: z.number().nullable().meta({
          description: "Days that results which are home are kept here too; null: for ever",
        }),
        inputDays: z.number().nullable().meta({
          description: "Days after a job's end that its input files are kept; null: for ever",
        }),
      })
      .meta({ id: "RetentionDays" }),
  })
  .meta({ id: "System" });
export type System = z.infer<typeof systemSchema>;

/** Who asks, so that a page or a panel offers nothing that would be refused. */
export const meSchema = z
  .object({
    name: z.string().meta({ description: "Owner of the jobs that it submits" }),
    role: z.enum(roles),
    may: z.array(z.string()).meta({ description: "Operations, by the ids of this document" }),
    ownOnly: z
      .array(z.string())
      .meta({ description: "Those of them that it may call on its own jobs alone" }),
  })
  .meta({ id: "Me" });

export const templateSchema = z
  .object({ name: z.string(), title: z.string(), description: z.string() })
  .meta({ id: "Template" });
export type Template = z.infer<typeof templateSchema>;

export const tokenSchema = z
  .object({
    id: z.string(),
    role: z.enum(roles),
    name: z.string(),
    createdAt: z.string(),
    expiresAt: z.string().nullable(),
  })
  .meta({ id: "Token" });

export const createTokenSchema = z
  .object({
    role: z.enum(roles),
    name: nameSchema(128),
    expiresInSeconds: z.int().positive().max(315_360_000).optional(),
  })
  .strict()
  .meta({ id: "CreateToken" });
export const createdTokenSchema = tokenSchema
  .extend({ token: z.string().meta({ description: "Shown once; only its hash is kept" }) })
  .meta({ id: "CreatedToken" });

export const pageAddressSchema = z
  .object({
    path: z.string().meta({ description: "Opens the status page once, at the address of this broker" }),
    expiresAt: z.string(),
  })
  .meta({ id: "PageAddress" });

/** What the broker writes, readable by its owner alone, so that the CLI and the plugins find it. */
export const connectionSchema = z.object({ url: z.string(), token: z.string(), pid: z.int() });
export type Connection = z.infer<typeof connectionSchema>;
