// The reader of templates brings a YAML parser along: it is fetched where a view needs it.
import { api, OldPageError } from "../api.ts";
import type { readTemplate } from "./document.ts";

/**
 * The reader. Throws UnreachableError while the broker is away, and OldPageError where it has another page by now: parts of
 * this one are there no more.
 */
export async function templateReader(): Promise<{ readTemplate: typeof readTemplate }> {
  try {
    return await import("./document.ts");
  } catch {
    await api.health();
    throw new OldPageError();
  }
}
