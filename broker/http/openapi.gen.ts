// Writes docs/openapi.json from the contract, so that a review sees what changes for clients.
import { openApiDocument } from "./openapi.ts";

/** The files this makes. */
export function generate(): Record<string, string> {
  return { "docs/openapi.json": `${JSON.stringify(openApiDocument(), null, 2)}\n` };
}
