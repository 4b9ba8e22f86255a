// Writes docs/feed.schema.json, the JSON Schema of every message of the feed.
import { z } from "zod";
import { feedMessageSchema } from "./feed.ts";

/** The files this makes. */
export function generate(): Record<string, string> {
  // Input mode: a message may gain fields within v1, so nothing says that others are forbidden.
  const schema = z.toJSONSchema(feedMessageSchema, { io: "input" });
  return { "docs/feed.schema.json": `${JSON.stringify(schema, null, 2)}\n` };
}
