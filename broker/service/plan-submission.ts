// Checks and plans what somebody wants to submit: its settings, template, parameters, frames and the files that it reads
// where they lie. Every mistake that can be known is named at once, each at its field.
import { Problem } from "../contract/problem.ts";
import type { Submit } from "../contract/job.ts";
import { bindParameters } from "../openjd/bind.ts";
import { soleParameter } from "../openjd/format-string.ts";
import type { JobPlan } from "../openjd/job.ts";
import { mergeParameterDefinitions } from "../openjd/merge.ts";
import type { Broker } from "./broker.ts";
import { missingInPlace } from "./in-place.ts";
import { mistakesOf, refuse, type Mistake } from "./mistakes.ts";
import { planOf, readEnvironmentTemplate, readJobTemplate, type PlannedJob } from "./plans.ts";

/** What was checked, and the text of its template. */
export type PlannedSubmission = Omit<PlannedJob, "settings" | "manifest"> & { text: string };

/** Plans a submission. Throws `invalid` with every mistake; `too-large` or `not-found` where there is no template. */
export async function planSubmission(broker: Broker, body: Submit): Promise<PlannedSubmission> {
  const settings = [...unknownPool(broker, body.settings.pool), ...notInPlace(broker, body.settings)];
  const text = templateText(broker, body);
  const read = readJobTemplate(text);
  const environments = body.environments.map(readEnvironmentTemplate);
  const templates = [...read.mistakes, ...environments.flatMap(({ mistakes }) => mistakes)];
  const { template } = read;
  const others = environments.flatMap(({ environment }) => environment ?? []);
  if (template === undefined || others.length < environments.length) {
    refuse([...settings, ...templates]);
    throw new Error("a template without mistakes is a template");
  }
  const { parameters, problems } = bindParameters(template, others, body.parameters, {
    templateDirectory: body.templateDirectory ?? "/",
    currentDirectory: body.currentDirectory ?? "/",
  });
  const unfit = mistakesOf(problems, "parameters", "The parameters do not fit the template");
  const refused = new Set(problems.map(({ path }) => path));
  const { plan, mistakes } = planOf(template, parameters, refused);
  const { definitions } = mergeParameterDefinitions(template, others);
  refuse([
    ...settings,
    ...templates,
    ...unfit,
    ...mistakes,
    ...(plan ? tooManyFrames(plan, broker.limits.maxTasksPerJob) : []),
    ...(await missingInPlace(broker, body, definitions, parameters)),
  ]);
  if (plan === undefined) throw new Error("a plan without mistakes is a plan");
  return { template, environments: others, parameters, plan, text };
}

/** A pool that nobody knows would let the job wait for ever; workers may have joined with one of their own. */
function unknownPool(broker: Broker, pool: string | undefined): Mistake[] {
  const known = new Set(broker.pools.keys());
  for (const worker of broker.workers.values()) known.add(worker.capabilities.pool);
  if (pool === undefined || known.has(pool)) return [];
  const detail = `There is no pool "${pool}". There are: ${[...known].join(", ") || "none"}.`;
  const sentence = `${detail} Name one of them with --pool, or leave it out.`;
  return [{ pointer: "settings.pool", detail, sentence }];
}

/** Files that are read where they lie are seen by workers of this machine alone: without any, the job would wait for ever. */
function notInPlace(broker: Broker, { filesInPlace, pool }: Submit["settings"]): Mistake[] {
  if (!filesInPlace) return [];
  const isLocal = (name: string) => broker.pools.get(name)?.kind === "local";
  if (pool === undefined ? [...broker.pools.keys()].some(isLocal) : isLocal(pool)) return [];
  const detail = `Files can be read where they lie by workers of the broker's own machine alone, and ${pool === undefined ? "this broker has no pool there" : `the pool "${pool}" is not there`}.`;
  const sentence = `${detail} Send them instead: submit again with --upload.`;
  return [{ pointer: "settings.filesInPlace", detail, sentence }];
}

function tooManyFrames({ steps }: JobPlan, most: number): Mistake[] {
  const count = steps.reduce((sum, step) => sum + step.taskCount, 0);
  if (count <= most) return [];
  const detail = `This job would have ${count.toLocaleString("en")} frames; ${most.toLocaleString("en")} is the most a job may have. Split it into several jobs.`;
  // Where one parameter alone makes them so many, that is where to mend it.
  const ranges = steps.flatMap(({ step }) => step.parameterSpace?.taskParameterDefinitions ?? []);
  const [range, ...more] = new Set(ranges.map((one) => one.range));
  const parameter = typeof range === "string" && more.length === 0 ? soleParameter(range) : undefined;
  const pointer = parameter === undefined ? "template.steps" : `parameters.${parameter}`;
  return [{ pointer, detail, sentence: detail }];
}

function templateText(broker: Broker, body: Submit): string {
  if ((body.template === undefined) === (body.templateName === undefined)) {
    throw new Problem("invalid", "Give either a template or the name of a shipped one, not both.", {
      errors: [{ pointer: "template", detail: "one of template and templateName" }],
    });
  }
  if (body.template !== undefined) {
    if (Buffer.byteLength(body.template) > broker.limits.maxTemplateBytes) {
      throw new Problem(
        "too-large",
        `A template may have at most ${broker.limits.maxTemplateBytes / 1_048_576} MiB.`,
        { errors: [{ pointer: "template", detail: "too large" }] },
      );
    }
    return body.template;
  }
  const text = broker.templates.get(body.templateName as string);
  if (text === undefined) {
    throw new Problem(
      "not-found",
      `There is no template "${body.templateName}". Shipped ones: ${[...broker.templates.keys()].join(", ")}.`,
      {
        errors: [{ pointer: "templateName", detail: "no such template" }],
      },
    );
  }
  return text;
}
