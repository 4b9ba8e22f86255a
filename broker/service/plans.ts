// The plan of a job (its steps and parameter spaces), computed from the stored template and kept for the jobs at work.
import { Problem } from "../contract/problem.ts";
import type { BlobRef } from "../contract/blob.ts";
import type { JobSettings } from "../contract/job.ts";
import { readTemplateText } from "../openjd/document.ts";
import { planJob, type JobPlan } from "../openjd/job.ts";
import { checkEnvironmentTemplate, checkJobTemplate } from "../openjd/template.ts";
import type { EnvironmentTemplate, JobTemplate, ParameterValue } from "../openjd/types.ts";
import type { Reader } from "../store/tx.ts";
import { mistakesOf, refuse, type Mistake } from "./mistakes.ts";

export interface PlannedJob {
  template: JobTemplate;
  environments: EnvironmentTemplate[];
  parameters: Record<string, ParameterValue>;
  settings: JobSettings;
  /** The blob of its list of input files. */
  manifest: BlobRef | null;
  plan: JobPlan;
}

export interface Plans {
  /** The plan of a stored job. Throws when there is no such job. */
  of(jobId: number): PlannedJob;
}

/** What a plan is computed from, as it is stored. */
export type StoredJob = Record<"template" | "environments" | "parameters" | "settings" | "assets", string> & {
  manifest: string | null;
};
export const selectStored =
  "SELECT template, environments, parameters, settings, manifest FROM jobs WHERE id = ?";

/** The plan of a stored job's row. */
export function readStored(row: StoredJob): PlannedJob {
  const read = readJobTemplate(row.template);
  const template = checked(read.template, read.mistakes);
  const parameters = JSON.parse(row.parameters) as Record<string, ParameterValue>;
  const planned = planOf(template, parameters);
  return {
    template,
    environments: (JSON.parse(row.environments) as string[]).map((text) => {
      const { environment, mistakes } = readEnvironmentTemplate(text);
      return checked(environment, mistakes);
    }),
    parameters,
    settings: JSON.parse(row.settings) as JobSettings,
    manifest: row.manifest === null ? null : (JSON.parse(row.manifest) as BlobRef),
    plan: checked(planned.plan, planned.mistakes),
  };
}

/** Jobs whose plans are kept: reading one again costs some milliseconds, a kept one some kilobytes. */
const keptPlans = 64;

/** A small cache over the read-only connection; a stored template never changes. */
export function createPlans(reader: Reader): Plans {
  const kept = new Map<number, PlannedJob>();
  const select = reader.prepare(selectStored);
  return {
    of(jobId) {
      let planned = kept.get(jobId);
      if (planned) {
        kept.delete(jobId);
      } else {
        const row = select.get(jobId) as StoredJob | undefined;
        if (!row) throw new Problem("not-found", `There is no job ${jobId}.`);
        planned = readStored(row);
      }
      kept.set(jobId, planned);
      for (const oldest of kept.keys()) {
        if (kept.size <= keptPlans) break;
        kept.delete(oldest);
      }
      return planned;
    },
  };
}

/** The checked template of a text, or what is wrong with it. */
export function readJobTemplate(text: string): { template?: JobTemplate; mistakes: Mistake[] } {
  const read = readTemplateText(text);
  if (read.problems.length > 0)
    return { mistakes: mistakesOf(read.problems, "template", "The template cannot be read") };
  const { template, problems } = checkJobTemplate(read.document);
  return { ...(template && { template }), mistakes: mistakesOf(problems, "template", notValid("The")) };
}

/** The checked environment template of a text, or what is wrong with it. */
export function readEnvironmentTemplate(text: string): {
  environment?: EnvironmentTemplate;
  mistakes: Mistake[];
} {
  const read = readTemplateText(text);
  if (read.problems.length > 0)
    return { mistakes: mistakesOf(read.problems, "environments", "An environment template cannot be read") };
  const { template, problems } = checkEnvironmentTemplate(read.document);
  const mistakes = mistakesOf(problems, "environments", notValid("An environment"));
  return { ...(template && { environment: template }), mistakes };
}

/**
 * The plan of a template and its parameters, or what is wrong with them.
 * @param refused names of parameters whose values were refused before: there is no plan then.
 */
export function planOf(
  template: JobTemplate,
  parameters: Record<string, ParameterValue>,
  refused: ReadonlySet<string> = new Set(),
): { plan?: JobPlan; mistakes: Mistake[] } {
  const { job, problems } = planJob(template, parameters, refused);
  const what = "The job cannot be made from this template and these parameters";
  return { ...(job && { plan: job }), mistakes: mistakesOf(problems, "template", what) };
}

const notValid = (which: string) => `${which} template is not valid`;

/** What was stored was checked before: what is wrong with it now was made by another version of Tally. */
function checked<T>(value: T | undefined, mistakes: readonly Mistake[]): T {
  refuse(mistakes);
  if (value === undefined) throw new Error("what has no mistakes is there");
  return value;
}
