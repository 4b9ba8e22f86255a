// What a bundle's values mean here: parameters of the template, settings of the job, and names that nobody takes.
import type { SubmitInput } from "../contract/job.ts";
import { numberText } from "../openjd/numbers.ts";
import { CommandMistake } from "./failure.ts";

export interface BundleValues {
  /** Values of the template's own parameters. */
  parameters: Record<string, unknown>;
  settings: Pick<
    NonNullable<SubmitInput["settings"]>,
    "priority" | "paused" | "maxFailedTasks" | "maxRetries"
  >;
  /** One line each about what is left out. */
  notes: string[];
}

/** Sorts the values of a bundle. `known`: names of the template's parameters. Throws CommandMistake. */
export function sortBundleValues(
  values: readonly { name: string; value: unknown }[],
  known: readonly string[],
): BundleValues {
  const parameters: Record<string, unknown> = {};
  const settings: BundleValues["settings"] = {};
  const notes: string[] = [];
  const ignored: string[] = [];
  for (const { name, value } of values) {
    const text = numberText(value) ?? String(value);
    if (known.includes(name)) parameters[name] = value;
    else if (name === "deadline:priority") settings.priority = whole(name, text, 0, 100);
    else if (name === "deadline:maxFailedTasksCount") {
      // 0 means that the first failure stops the job.
      settings.maxFailedTasks = Math.max(1, Math.min(whole(name, text, 0, 2_147_483_647), 100_000));
    } else if (name === "deadline:maxRetriesPerTask")
      settings.maxRetries = Math.min(whole(name, text, 0, 2_147_483_647), 100);
    else if (name === "deadline:targetTaskRunStatus") settings.paused = runStatus(text);
    else ignored.push(name);
  }
  if (ignored.length > 0)
    notes.push(`Left out, because neither the template nor Tally has it: ${ignored.join(", ")}`);
  return { parameters, settings, notes };
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (/^-?\d+$/.test(text) && value >= least && value <= most) return value;
  throw new CommandMistake(`${name} must be a whole number from ${least} to ${most}, not "${text}".`);
}

function runStatus(text: string): boolean {
  if (text === "READY" || text === "SUSPENDED") return text === "SUSPENDED";
  throw new CommandMistake(`deadline:targetTaskRunStatus must be READY or SUSPENDED, not "${text}".`);
}
