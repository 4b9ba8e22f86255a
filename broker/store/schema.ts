// The tables as drizzle sees them, for typed reads; migrations/ is the source, and a test compares the two.
import { integer, real, sqliteTable, text } from "drizzle-orm/sqlite-core";
import type { JobSettings } from "../contract/job.ts";
import type {
  AttemptState,
  FailureClass,
  JobIntent,
  JobState,
  TaskState,
  WorkerIntent,
  WorkerState,
} from "../contract/states.ts";

type Values = Record<string, { type: "STRING" | "INT" | "FLOAT" | "PATH"; value: string }>;

export const jobs = sqliteTable("jobs", {
  id: integer().primaryKey(),
  name: text().notNull(),
  owner: text().notNull(),
  priority: integer().notNull(),
  intent: text().$type<JobIntent>().notNull(),
  intentReason: text("intent_reason"),
  state: text().$type<JobState>().notNull(),
  taskCount: integer("task_count").notNull(),
  deliveredFiles: integer("delivered_files").notNull(),
  labels: text({ mode: "json" }).$type<Record<string, string>>().notNull(),
  settings: text({ mode: "json" }).$type<JobSettings>().notNull(),
  parameters: text({ mode: "json" }).$type<Values>().notNull(),
  templateName: text("template_name"),
  outputPattern: text("output_pattern"),
  picture: text(),
  createdAt: integer("created_at").notNull(),
  startedAt: integer("started_at"),
  endedAt: integer("ended_at"),
});

export const steps = sqliteTable("steps", {
  id: integer().primaryKey(),
  jobId: integer("job_id").notNull(),
  idx: integer().notNull(),
  name: text().notNull(),
  taskCount: integer("task_count").notNull(),
  blocked: integer().notNull(),
  ready: integer().notNull(),
  running: integer().notNull(),
  succeeded: integer().notNull(),
  failed: integer().notNull(),
  canceled: integer().notNull(),
  measuredCount: integer("measured_count").notNull(),
  measuredSeconds: real("measured_seconds").notNull(),
});

export const tasks = sqliteTable("tasks", {
  stepId: integer("step_id").notNull(),
  ordinal: integer().notNull(),
  state: text().$type<TaskState>().notNull(),
  generation: integer().notNull(),
  failures: integer().notNull(),
  losses: integer().notNull(),
});

export const attempts = sqliteTable("attempts", {
  id: integer().primaryKey(),
  leaseId: integer("lease_id").notNull(),
  stepId: integer("step_id").notNull(),
  ordinal: integer().notNull(),
  generation: integer().notNull(),
  state: text().$type<AttemptState>().notNull(),
  createdAt: integer("created_at").notNull(),
  startedAt: integer("started_at"),
  endedAt: integer("ended_at"),
  seconds: real(),
  failureClass: text("failure_class").$type<FailureClass>(),
  reason: text(),
  exitCode: integer("exit_code"),
  device: text(),
  logFrom: integer("log_from"),
  logTo: integer("log_to"),
});

export const leases = sqliteTable("leases", {
  id: integer().primaryKey(),
  workerId: integer("worker_id").notNull(),
  stepId: integer("step_id").notNull(),
  closedAt: integer("closed_at"),
});

export const workers = sqliteTable("workers", {
  id: integer().primaryKey(),
  name: text().notNull(),
  pool: text().notNull(),
  launchId: integer("launch_id"),
  intent: text().$type<WorkerIntent>().notNull(),
  state: text().$type<WorkerState>().notNull(),
  osFamily: text("os_family").notNull(),
  amounts: text({ mode: "json" }).$type<Record<string, number>>().notNull(),
  attributes: text({ mode: "json" }).$type<Record<string, string[]>>().notNull(),
  blenders: text({ mode: "json" })
    .$type<{ series: string; version: string; path: string; kind: "blender" | "bpy"; source: string }[]>()
    .notNull(),
  registeredAt: integer("registered_at").notNull(),
  endedAt: integer("ended_at"),
});

export const tokens = sqliteTable("tokens", {
  id: integer().primaryKey(),
  role: text().$type<"admin" | "artist" | "viewer" | "worker">().notNull(),
  name: text().notNull(),
  createdAt: integer("created_at").notNull(),
  expiresAt: integer("expires_at"),
  revokedAt: integer("revoked_at"),
});
