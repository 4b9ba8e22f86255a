// The operations on templates, blobs, tokens and the broker itself.
import { z } from "zod";
import {
  cleanedSchema,
  cleanSchema,
  meSchema,
  systemSchema,
  templateSchema,
  tokenSchema,
  createTokenSchema,
  createdTokenSchema,
} from "./system.ts";
import type { Operation } from "./operation.ts";
import { readers } from "./operation.ts";
import { roles } from "./states.ts";

export const systemRoutes = {
  whoAmI: {
    method: "get",
    path: "/v1/me",
    summary: "Who this token is, and what it may do",
    roles,
    status: 200,
    answer: meSchema,
    problems: [],
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
  clean: {
    method: "post",
    path: "/v1/system/clean",
    summary: "Remove bytes that nobody needs any more; by default only says what would go",
    roles: ["admin"],
    body: cleanSchema,
    status: 200,
    answer: cleanedSchema,
    problems: ["malformed", "invalid", "not-found", "illegal-transition", "conflict", "storage-down"],
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
