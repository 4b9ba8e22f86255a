// The broker's configuration: one tally.yaml, checked as a whole; the environment only for secrets and the data folder.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { configMistake } from "./config-mistake.ts";
import { maxTasksPerJob } from "./contract/job.ts";
import { sharedRootSchema } from "./contract/system.ts";
import { defaultFeedLimits } from "./feed/limits.ts";
import { defaultLimits } from "./service/broker.ts";

const seconds = (fallbackMs: number, description: string) =>
  z
    .number()
    .positive()
    .max(86_400)
    .default(fallbackMs / 1000)
    .meta({ description });

const poolSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("local"), slots: z.int().min(0).max(64).default(1) }).strict(),
  z.object({ kind: z.literal("joined") }).strict(),
]);

export const configSchema = z
  .object({
    listen: z
      .object({
        host: z
          .string()
          .default("127.0.0.1")
          .meta({ description: "Address to listen on; loopback unless you change it" }),
        port: z.int().min(0).max(65_535).default(7878).meta({ description: "Port; 0 takes a free one" }),
      })
      .strict()
      .prefault({}),
    publicUrl: z
      .url()
      .optional()
      .meta({ description: "The address under which other machines reach this broker" }),
    allowedHosts: z
      .array(z.string())
      .default([])
      .meta({ description: "More host names that this broker answers to" }),
    pools: z
      .record(z.string().max(64), poolSchema)
      .default({ local: { kind: "local", slots: 1 } })
      .meta({ description: "Capacity by name" }),
    storage: z
      .discriminatedUnion("kind", [
        z
          .object({
            kind: z.literal("folder"),
            folder: z
              .string()
              .optional()
              .meta({ description: "Default: blobs, in the data folder, where relative names begin" }),
          })
          .strict(),
        z
          .object({
            kind: z.literal("s3"),
            bucket: z.string().min(3).max(63),
            prefix: z
              .string()
              .max(200)
              .default("")
              .meta({ description: "Put before every key, such as tally/" }),
            region: z.string().max(64).default("us-east-1"),
            endpoint: z.url().optional().meta({ description: "Any S3-compatible server; absent: AWS" }),
          })
          .strict(),
      ])
      .default({ kind: "folder" })
      .meta({
        description: "Where bytes are kept; the keys of S3 come from the environment or the machine's role",
      }),
    sharedRoots: z
      .array(sharedRootSchema)
      .max(100)
      .default([])
      .meta({ description: "Folders that all machines see, as each system spells them; never uploaded" }),
    retention: z
      .object({
        deliveredDays: z.number().min(0).max(36_500).nullable().default(7).meta({
          description: "Days that the broker keeps its own copy of a result that is home; null: for ever",
        }),
        inputDays: z.number().min(0).max(36_500).nullable().default(30).meta({
          description:
            "Days after a job's end that its input files and its previews are kept; null: for ever",
        }),
        everyHours: z
          .number()
          .min(0)
          .max(8760)
          .default(24)
          .meta({ description: "How often that is looked after by itself; 0: only by `tally clean`" }),
        eventDays: z.number().min(1).max(36_500).default(defaultFeedLimits.eventDays).meta({
          description:
            "Days that what happened is kept for the feed and the page's activity; the state of jobs stays",
        }),
        eventRows: z
          .int()
          .min(1000)
          .max(100_000_000)
          .default(defaultFeedLimits.eventRows)
          .meta({ description: "Beyond so many of the newest events older ones go sooner" }),
      })
      .strict()
      .prefault({})
      .meta({ description: "Results that never came home are not removed by themselves" }),
    blenders: z.array(z.string()).default([]).meta({ description: "More Blender programs, by full path" }),
    limits: z
      .object({
        maxTasksPerJob: z
          .int()
          .min(1)
          .max(10_000_000)
          .default(maxTasksPerJob)
          .meta({ description: "Frames that one job may have" }),
        leaseTermSeconds: seconds(
          defaultLimits.leaseTermMs,
          "A worker that is not heard of for so long loses its frames",
        ),
        renewEverySeconds: seconds(defaultLimits.renewEveryMs, "How often workers say that they are alive"),
        workerSilenceSeconds: seconds(
          defaultLimits.workerSilenceMs,
          "An idle worker that is not heard of for so long is lost",
        ),
        idleExitSeconds: seconds(
          defaultLimits.idleExitMs ?? 0,
          "Local agents leave after so long without work",
        ),
      })
      .strict()
      .prefault({}),
  })
  .strict();
export type Config = z.output<typeof configSchema>;

/** The configuration is wrong; the message lists every mistake. */
export class ConfigError extends Error {}

/** Where a broker of this folder listens unless it is told otherwise, and whether tally.yaml names the port. Throws ConfigError. */
export function listensAt(dataFolder: string): { host: string; port: number; isPortNamed: boolean } {
  const { listen } = readConfig(dataFolder);
  const file = join(dataFolder, "tally.yaml");
  const written = existsSync(file) ? (parse(readFileSync(file, "utf8")) as WrittenListen | null) : null;
  return { ...listen, isPortNamed: written?.listen?.port !== undefined };
}

interface WrittenListen {
  listen?: { port?: number };
}

/** Reads `path`, or `tally.yaml` in the data folder when there is one, or takes the defaults. Throws ConfigError. */
export function readConfig(dataFolder: string, path?: string): Config {
  const file = path ?? join(dataFolder, "tally.yaml");
  if (path === undefined && !existsSync(file)) return configSchema.parse({});
  let value: unknown;
  try {
    value = parse(readFileSync(file, "utf8")) ?? {};
  } catch (error) {
    throw new ConfigError(
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const parsed = configSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const mistakes = parsed.error.issues.map((issue) => `  ${configMistake(configSchema, value, issue)}`);
  throw new ConfigError(
    `${file} has ${mistakes.length === 1 ? "a mistake" : "mistakes"}:\n${mistakes.join("\n")}\n  All settings: docs/config.md`,
  );
}
