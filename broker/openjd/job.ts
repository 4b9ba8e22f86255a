// Job creation: a checked template and bound parameters become steps whose tasks can be counted.
import type { TemplateProblem } from "./document.ts";
import { NoValueError, resolveFormatString, soleParameter, templateLookup } from "./format-string.ts";
import { attributeValueMistake } from "./host-requirements.ts";
import { MAX_JOB_NAME } from "./names.ts";
import { makeSpace, SINGLE_TASK, SpaceError, type ParameterSpace } from "./space.ts";
import { characters } from "./spot.ts";
import type {
  AttributeRequirement,
  HostRequirements,
  JobTemplate,
  ParameterValue,
  StepTemplate,
} from "./types.ts";

/** A job ready to be stored: steps in the template's order, scripts unresolved for the worker. */
export interface JobPlan {
  name: string;
  steps: StepPlan[];
}

export interface StepPlan {
  name: string;
  dependsOn: string[];
  /** Tasks before chunking. */
  taskCount: number;
  space: ParameterSpace;
  /** Names as written; attribute values resolved. */
  hostRequirements?: HostRequirements;
  step: StepTemplate;
}

/** A mistake in a field of the template; `parameter`: the job parameter whose value alone stands there. */
export type PlanProblem = TemplateProblem & { parameter?: string };

/** What planning carries along: the values, and where mistakes go. */
interface Planning {
  lookup: (name: string) => string | undefined;
  /** Notes a mistake of a field with this text. */
  note: (path: string, message: string, text?: string, cause?: unknown) => void;
  problems: PlanProblem[];
}

/**
 * Resolves everything that is known when a job is made. Nothing is expanded, so a million tasks cost nothing.
 * @param refused names of parameters whose values were refused before: there is no job then, and of the problems only
 *   those that do not come from it.
 */
export function planJob(
  template: JobTemplate,
  parameters: Readonly<Record<string, ParameterValue>>,
  refused: ReadonlySet<string> = new Set(),
): { job?: JobPlan; problems: PlanProblem[] } {
  const problems: PlanProblem[] = [];
  const note: Planning["note"] = (path, message, text, cause) => {
    if (cause instanceof NoValueError && refused.has(cause.reference.split(".")[1] ?? "")) return;
    const parameter = text === undefined ? undefined : soleParameter(text);
    problems.push({ path, message, ...(parameter !== undefined && { parameter }) });
  };
  const planning = { lookup: templateLookup(parameters), note, problems };
  const name = resolveName(template.name, planning);
  const steps = template.steps.map((step, index) => planStep(step, `steps[${index}]`, planning));
  return problems.length > 0 || refused.size > 0 ? { problems } : { job: { name, steps }, problems };
}

/** The environments that a task of a step runs in, in the order in which they are entered, outside those of the pool. */
export function environmentsOf(
  template: JobTemplate,
  step: StepTemplate,
): NonNullable<StepTemplate["stepEnvironments"]> {
  return [...(template.jobEnvironments ?? []), ...(step.stepEnvironments ?? [])];
}

function planStep(step: StepTemplate, path: string, planning: Planning): StepPlan {
  const space = planSpace(step, path, planning);
  const hostRequirements = step.hostRequirements && planRequirements(step.hostRequirements, path, planning);
  return {
    name: step.name,
    dependsOn: (step.dependencies ?? []).map(({ dependsOn }) => dependsOn),
    taskCount: space.count,
    space,
    ...(hostRequirements && { hostRequirements }),
    step,
  };
}

function planSpace(step: StepTemplate, path: string, { lookup, note }: Planning): ParameterSpace {
  if (step.parameterSpace === undefined) return SINGLE_TASK;
  try {
    return makeSpace(step.parameterSpace, lookup);
  } catch (error) {
    if (!(error instanceof SpaceError)) throw error;
    for (const one of [error, ...error.others]) {
      const field = one.path === "" ? "" : `.${one.path}`;
      note(`${path}.parameterSpace${field}`, one.message, one.text, one.cause);
    }
    return SINGLE_TASK;
  }
}

function resolveName(text: string, planning: Planning): string {
  const { note, problems } = planning;
  const name = resolve(text, "name", planning);
  if (name === undefined) return "";
  const length = characters(name);
  if (length > MAX_JOB_NAME) {
    note("name", `The job's name has ${length} characters, at most ${MAX_JOB_NAME} are allowed.`, text);
  } else if (/\p{Cc}/u.test(name)) {
    note("name", "The job's name holds a line break or another control character.", text);
  } else if (name === "" && problems.length === 0) {
    note("name", "The job's name is empty once its parameters are filled in.", text);
  }
  return name;
}

function planRequirements(
  requirements: HostRequirements,
  path: string,
  planning: Planning,
): HostRequirements {
  const { amounts, attributes } = requirements;
  const values = (attribute: AttributeRequirement, key: "anyOf" | "allOf", at: string) =>
    attribute[key]?.map((text, index) => {
      const place = `${at}.${key}[${index}]`;
      const value = resolve(text, place, planning);
      const mistake = value === undefined ? undefined : attributeValueMistake(attribute.name, value);
      if (mistake !== undefined) planning.note(place, mistake, text);
      return value ?? "";
    });
  const planned = attributes?.map((attribute, index) => {
    const at = `${path}.hostRequirements.attributes[${index}]`;
    const anyOf = values(attribute, "anyOf", at);
    const allOf = values(attribute, "allOf", at);
    return { name: attribute.name, ...(anyOf && { anyOf }), ...(allOf && { allOf }) };
  });
  return { ...(amounts && { amounts }), ...(planned && { attributes: planned }) };
}

/** The text with its values; undefined where they cannot be put in, which is noted. */
function resolve(text: string, path: string, { lookup, note }: Planning): string | undefined {
  try {
    return resolveFormatString(text, lookup);
  } catch (error) {
    note(path, error instanceof Error ? error.message : String(error), text, error);
    return undefined;
  }
}
