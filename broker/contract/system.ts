// The broker itself, its templates and its tokens, as they appear on the wire.
import { z } from "zod";
import { roles } from "./states.ts";

export const systemSchema = z
  .object({
    name: z.literal("tally"),
    version: z.string(),
    startedAt: z.string(),
    dataFolder: z.string(),
    databaseBytes: z.int(),
    schemaVersion: z.int(),
    freeBytes: z.int(),
    pools: z.array(z.object({ name: z.string(), kind: z.string(), slots: z.int(), workers: z.int() })),
    templates: z.int(),
  })
  .meta({ id: "System" });
export type System = z.infer<typeof systemSchema>;

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
    name: z.string().min(1).max(128),
    expiresInSeconds: z.int().positive().max(315_360_000).optional(),
  })
  .strict()
  .meta({ id: "CreateToken" });
export const createdTokenSchema = tokenSchema
  .extend({ token: z.string().meta({ description: "Shown once; only its hash is kept" }) })
  .meta({ id: "CreatedToken" });

/** What the broker writes, readable by its owner alone, so that the CLI and the plugins find it. */
export const connectionSchema = z.object({ url: z.string(), token: z.string(), pid: z.int() });
export type Connection = z.infer<typeof connectionSchema>;
