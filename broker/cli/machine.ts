// What the command line knows about this machine: the Blenders that its configuration names.
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** The `blenders` of tally.yaml in a data folder; none when there is no such file or it is not readable as one. */
export async function configuredBlenders(dataFolder: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(join(dataFolder, "tally.yaml"), "utf8");
  } catch {
    // Most people have no configuration.
    return [];
  }
  const { parse } = await import("yaml");
  try {
    const { blenders } = (parse(text) ?? {}) as { blenders?: unknown };
    return Array.isArray(blenders) ? blenders.filter((one) => typeof one === "string") : [];
  } catch {
    // `tally serve` says what is wrong with it; looking for Blenders goes on without.
    return [];
  }
}
