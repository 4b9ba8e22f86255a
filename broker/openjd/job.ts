// Job creation: a checked template and bound parameters become steps whose tasks can be counted.
import type { TemplateProblem } from "./document.ts";
import { resolveFormatString, templateLookup } from "./format-string.ts";
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

type Lookup = (name: string) => string | undefined;

/** Resolves everything that is known when a job is made. Nothing is expanded, so a million tasks cost nothing. */
export function planJob(
  template: JobTemplate,
  parameters: Readonly<Record<string, ParameterValue>>,
): { job?: JobPlan; problems: TemplateProblem[] } {
  const problems: TemplateProblem[] = [];
  const lookup = templateLookup(parameters);
  const name = resolveName(template.name, lookup, problems);
  const steps = template.steps.map((step, index) => planStep(step, `steps[${index}]`, lookup, problems));
  return problems.length > 0 ? { problems } : { job: { name, steps }, problems };
}

/** The environments that a task of a step runs in, in the order in which they are entered, outside those of the pool. */
export function environmentsOf(
  template: JobTemplate,
  step: StepTemplate,
): NonNullable<StepTemplate["stepEnvironments"]> {
  return [...(template.jobEnvironments ?? []), ...(step.stepEnvironments ?? [])];
}

function planStep(step: StepTemplate, path: string, lookup: Lookup, problems: TemplateProblem[]): StepPlan {
  const space = planSpace(step, path, lookup, problems);
  const hostRequirements =
    step.hostRequirements && planRequirements(step.hostRequirements, path, lookup, problems);
  return {
    name: step.name,
    dependsOn: (step.dependencies ?? []).map(({ dependsOn }) => dependsOn),
    taskCount: space.count,
    space,
    ...(hostRequirements && { hostRequirements }),
    step,
  };
}

function planSpace(
  step: StepTemplate,
  path: string,
  lookup: Lookup,
  problems: TemplateProblem[],
): ParameterSpace {
  if (step.parameterSpace === undefined) return SINGLE_TASK;
  try {
    return makeSpace(step.parameterSpace, lookup);
  } catch (error) {
    if (!(error instanceof SpaceError)) throw error;
    const field = error.path === "" ? "" : `.${error.path}`;
    problems.push({ path: `${path}.parameterSpace${field}`, message: error.message });
    return SINGLE_TASK;
  }
}

function resolveName(text: string, lookup: Lookup, problems: TemplateProblem[]): string {
  const name = resolve(text, "name", lookup, problems);
  const length = characters(name);
  if (length > MAX_JOB_NAME) {
    problems.push({
      path: "name",
      message: `The job's name has ${length} characters, at most ${MAX_JOB_NAME} are allowed.`,
    });
  } else if (/\p{Cc}/u.test(name)) {
    problems.push({
      path: "name",
      message: "The job's name holds a line break or another control character.",
    });
  } else if (name === "" && problems.length === 0) {
    problems.push({ path: "name", message: "The job's name is empty once its parameters are filled in." });
  }
  return name;
}

function planRequirements(
  requirements: HostRequirements,
  path: string,
  lookup: Lookup,
  problems: TemplateProblem[],
): HostRequirements {
  const { amounts, attributes } = requirements;
  const values = (attribute: AttributeRequirement, key: "anyOf" | "allOf", at: string) =>
    attribute[key]?.map((text, index) => {
      const place = `${at}.${key}[${index}]`;
      const value = resolve(text, place, lookup, problems);
      const mistake = attributeValueMistake(attribute.name, value);
      if (mistake !== undefined) problems.push({ path: place, message: mistake });
      return value;
    });
  const planned = attributes?.map((attribute, index) => {
    const at = `${path}.hostRequirements.attributes[${index}]`;
    const anyOf = values(attribute, "anyOf", at);
    const allOf = values(attribute, "allOf", at);
    return { name: attribute.name, ...(anyOf && { anyOf }), ...(allOf && { allOf }) };
  });
  return { ...(amounts && { amounts }), ...(planned && { attributes: planned }) };
}

function resolve(text: string, path: string, lookup: Lookup, problems: TemplateProblem[]): string {
  try {
    return resolveFormatString(text, lookup);
  } catch (error) {
    problems.push({ path, message: error instanceof Error ? error.message : String(error) });
    return "";
  }
}
