// Whole templates: job and environment templates of Open Job Description 2023-09, checked with the path of each mistake.
import type { TemplateProblem } from "./document.ts";
import { readEnvironment, readEnvironments } from "./environment.ts";
import { DESCRIPTION, MAX_JOB_NAME } from "./names.ts";
import { readParameterDefinitions } from "./parameters.ts";
import { asFormatString, hostScope, templateScope } from "./scope.ts";
import {
  asChoice,
  asList,
  asMap,
  asText,
  below,
  characters,
  complain,
  eachOf,
  plainMap,
  refuseTwins,
  shorten,
  type Fields,
  type Spot,
} from "./spot.ts";
import { checkDependencies, readStep } from "./step.ts";
import type { EnvironmentTemplate, Extension, JobTemplate } from "./types.ts";

const EXTENSIONS: readonly Extension[] = ["TASK_CHUNKING", "REDACTED_ENV_VARS"];

/**
 * Checks a job template document (from `readTemplateText`, or plain JSON values).
 * @returns the template when there is no problem, else every problem found with its path.
 */
export function checkJobTemplate(document: unknown): { template?: JobTemplate; problems: TemplateProblem[] } {
  const problems: TemplateProblem[] = [];
  const root: Spot = { value: document, path: "", problems };
  const optional = ["$schema", "extensions", "description", "parameterDefinitions", "jobEnvironments"];
  const fields = asMap(root, ["specificationVersion", "name", "steps"], optional);
  if (fields === undefined) return { problems };
  const versionSpot = fields("specificationVersion");
  const specificationVersion = versionSpot && asChoice(versionSpot, ["jobtemplate-2023-09"]);
  checkSchemaKey(fields);
  const extensions = readExtensions(fields);
  const parameters = fields("parameterDefinitions");
  const parameterDefinitions = parameters && readParameterDefinitions(parameters);
  const scopes = { template: templateScope(parameters?.value), host: hostScope(parameters?.value) };
  const nameSpot = fields("name");
  const name = nameSpot && asFormatString(nameSpot, scopes.template, { min: 1 });
  if (nameSpot && name !== undefined && !name.includes("{{") && characters(name) > MAX_JOB_NAME) {
    complain(nameSpot, `"name" has more than ${MAX_JOB_NAME} characters.`);
  }
  const description = readDescription(fields);
  const environments = fields("jobEnvironments");
  const jobEnvironments = environments && readEnvironments(environments, scopes.host);
  const stepsSpot = fields("steps");
  const items = stepsSpot && asList(stepsSpot, 1);
  refuseTwins(items, "steps");
  checkDependencies(items ?? []);
  refuseSharedEnvironments(environments?.value, items ?? []);
  const chunking = extensions?.includes("TASK_CHUNKING") ?? false;
  const steps = eachOf(items, (item) => readStep(item, scopes, chunking));
  if (problems.length > 0 || !specificationVersion || name === undefined || steps === undefined)
    return { problems };
  const template: JobTemplate = {
    specificationVersion,
    ...(extensions && { extensions }),
    name,
    ...(description !== undefined && { description }),
    ...(parameterDefinitions && { parameterDefinitions }),
    ...(jobEnvironments && { jobEnvironments }),
    steps,
  };
  return { template, problems };
}

/**
 * Checks an environment template document (from `readTemplateText`, or plain JSON values).
 * @returns the template when there is no problem, else every problem found with its path.
 */
export function checkEnvironmentTemplate(document: unknown): {
  template?: EnvironmentTemplate;
  problems: TemplateProblem[];
} {
  const problems: TemplateProblem[] = [];
  const root: Spot = { value: document, path: "", problems };
  const fields = asMap(
    root,
    ["specificationVersion", "environment"],
    ["$schema", "extensions", "parameterDefinitions"],
  );
  if (fields === undefined) return { problems };
  const versionSpot = fields("specificationVersion");
  const specificationVersion = versionSpot && asChoice(versionSpot, ["environment-2023-09"]);
  checkSchemaKey(fields);
  const extensions = readExtensions(fields);
  const parameters = fields("parameterDefinitions");
  const parameterDefinitions = parameters && readParameterDefinitions(parameters);
  const environmentSpot = fields("environment");
  const environment = environmentSpot && readEnvironment(environmentSpot, hostScope(parameters?.value));
  if (problems.length > 0 || !specificationVersion || !environment) return { problems };
  const template: EnvironmentTemplate = {
    specificationVersion,
    ...(extensions && { extensions }),
    ...(parameterDefinitions && { parameterDefinitions }),
    environment,
  };
  return { template, problems };
}

/** Tells a document's kind by its `specificationVersion`; undefined when it is neither. */
export function templateKind(document: unknown): "job" | "environment" | undefined {
  const version = plainMap(document)?.specificationVersion;
  if (typeof version !== "string") return undefined;
  if (version.startsWith("jobtemplate-")) return "job";
  return version.startsWith("environment-") ? "environment" : undefined;
}

/** Editors write where the schema of a file lies; only its being a text is checked. */
function checkSchemaKey(fields: Fields): void {
  const spot = fields("$schema");
  if (spot) asText(spot, { control: "all" });
}

function readExtensions(fields: Fields): Extension[] | undefined {
  const spot = fields("extensions");
  const items = spot && asList(spot, 1);
  const seen = new Set<unknown>();
  return eachOf(items, (item) => {
    if (seen.has(item.value))
      complain(item, `The extension ${shorten(String(item.value))} is named twice. Name it once.`);
    seen.add(item.value);
    const name = asText(item, {
      pattern: /^[A-Z_0-9]{3,128}$/,
      shape: "the name of an extension, in capitals",
    });
    const known = EXTENSIONS.find((extension) => extension === name);
    if (name === undefined || known !== undefined) return known;
    return complain(
      item,
      `This template asks for the extension ${shorten(name)}; Tally supports ${EXTENSIONS.join(" and ")}.`,
    );
  });
}

function readDescription(fields: Fields): string | undefined {
  const spot = fields("description");
  return spot && asText(spot, DESCRIPTION);
}

/** A session enters job and step environments together, so their names must differ. */
function refuseSharedEnvironments(jobEnvironments: unknown, steps: Spot[]): void {
  const names = new Set(environmentNames(jobEnvironments));
  for (const step of steps) {
    const value = plainMap(step.value)?.stepEnvironments;
    environmentNames(value).forEach((name, index) => {
      if (!names.has(name)) return;
      const place = below(step, `stepEnvironments[${index}].name`, name);
      complain(place, `A job environment is called "${shorten(name)}" too. Rename one.`);
    });
  }
}

function environmentNames(list: unknown): string[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) => {
    const name = plainMap(entry)?.name;
    return typeof name === "string" ? [name] : [];
  });
}
