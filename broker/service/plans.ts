// The plan of a job (its steps and parameter spaces), computed from the stored template and kept for the jobs at work.
import { Problem, type FieldError } from "../contract/problem.ts";
import type { BlobRef } from "../contract/blob.ts";
import type { JobSettings, Submit } from "../contract/job.ts";
import { bindParameters } from "../openjd/bind.ts";
import { readTemplateText } from "../openjd/document.ts";
import { planJob, type JobPlan } from "../openjd/job.ts";
import { checkEnvironmentTemplate, checkJobTemplate } from "../openjd/template.ts";
import type { EnvironmentTemplate, JobTemplate, ParameterValue } from "../openjd/types.ts";
import type { Reader } from "../store/tx.ts";

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
  const template = readJobTemplate(row.template);
  const parameters = JSON.parse(row.parameters) as Record<string, ParameterValue>;
  return {
    template,
    environments: (JSON.parse(row.environments) as string[]).map(readEnvironmentTemplate),
    parameters,
    settings: JSON.parse(row.settings) as JobSettings,
    manifest: row.manifest === null ? null : (JSON.parse(row.manifest) as BlobRef),
    plan: planOf(template, parameters),
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

/** Checks and plans what somebody wants to submit. Throws `invalid` with every mistake and where it stands. */
export function planSubmission(body: Submit, text: string): Omit<PlannedJob, "settings" | "manifest"> {
  const template = readJobTemplate(text);
  const environments = body.environments.map(readEnvironmentTemplate);
  const where = {
    templateDirectory: body.templateDirectory ?? "/",
    currentDirectory: body.currentDirectory ?? "/",
  };
  const bound = bindParameters(template, environments, body.parameters, where);
  refuse(bound.problems, "parameters", "The parameters do not fit the template");
  return { template, environments, parameters: bound.parameters, plan: planOf(template, bound.parameters) };
}

function readJobTemplate(text: string): JobTemplate {
  const read = readTemplateText(text);
  refuse(read.problems, "template", "The template cannot be read");
  const checked = checkJobTemplate(read.document);
  refuse(checked.problems, "template", "The template is not valid");
  if (!checked.template) throw new Error("a template without problems is a template");
  return checked.template;
}

function readEnvironmentTemplate(text: string): EnvironmentTemplate {
  const read = readTemplateText(text);
  refuse(read.problems, "environments", "An environment template cannot be read");
  const checked = checkEnvironmentTemplate(read.document);
  refuse(checked.problems, "environments", "An environment template is not valid");
  if (!checked.template) throw new Error("a template without problems is a template");
  return checked.template;
}

function planOf(template: JobTemplate, parameters: Record<string, ParameterValue>): JobPlan {
  const planned = planJob(template, parameters);
  refuse(planned.problems, "template", "The job cannot be made from this template and these parameters");
  if (!planned.job) throw new Error("a plan without problems is a plan");
  return planned.job;
}

/** At most so many mistakes are listed in one answer. */
const listedProblems = 50;

function refuse(problems: readonly { path: string; message: string }[], part: string, what: string): void {
  const [first] = problems;
  if (!first) return;
  const errors: FieldError[] = problems
    .slice(0, listedProblems)
    .map(({ path, message }) => ({ pointer: path === "" ? part : `${part}.${path}`, detail: message }));
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  const at = first.path === "" ? "" : ` At ${first.path}:`;
  throw new Problem("invalid", `${what}.${at} ${first.message}${more}`, { errors });
}
