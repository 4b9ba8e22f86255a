// Merging: one parameter that a job template and environment templates define becomes one definition.
import type { TemplateProblem } from "./document.ts";
import { compareNumbers } from "./numbers.ts";
import { valueMistake } from "./parameters.ts";
import { shorten } from "./spot.ts";
import type {
  EnvironmentTemplate,
  JobTemplate,
  NumberParameterDefinition,
  ParameterDefinition,
} from "./types.ts";

interface Sourced {
  definition: ParameterDefinition;
  source: string;
}

/**
 * Merges the parameter definitions of environment templates, in their order, and of the job template, last.
 * The strictest bounds hold, allowed values intersect, the last default wins.
 */
export function mergeParameterDefinitions(
  template: Pick<JobTemplate, "parameterDefinitions">,
  environments: readonly EnvironmentTemplate[],
): { definitions: ParameterDefinition[]; problems: TemplateProblem[] } {
  const all: Sourced[] = [
    ...environments.flatMap((environment) =>
      (environment.parameterDefinitions ?? []).map((definition) => ({
        definition,
        source: `the environment "${shorten(environment.environment.name)}"`,
      })),
    ),
    ...(template.parameterDefinitions ?? []).map((definition) => ({
      definition,
      source: "the job template",
    })),
  ];
  const merged = new Map<string, Sourced>();
  const problems: TemplateProblem[] = [];
  for (const next of all) {
    const { name } = next.definition;
    const before = merged.get(name);
    const mistake = before && conflict(before, next);
    if (mistake !== undefined) problems.push({ path: name, message: mistake });
    else merged.set(name, before === undefined ? next : join(before, next));
  }
  const definitions = [...merged.values()].map(({ definition }) => definition);
  for (const definition of definitions) {
    const mistake = unsatisfiable(definition);
    if (mistake !== undefined) problems.push({ path: definition.name, message: mistake });
  }
  return { definitions, problems };
}

function conflict(before: Sourced, next: Sourced): string | undefined {
  const [a, b] = [before.definition, next.definition];
  const differ = (what: string, left: string, right: string) =>
    `The parameter ${a.name} is ${what} ${left} in ${before.source} but ${right} in ${next.source}. Make them equal or rename one.`;
  if (a.type !== b.type) return differ("of type", a.type, b.type);
  if (a.type !== "PATH" || b.type !== "PATH") return undefined;
  const [objectA, objectB] = [a.objectType ?? "DIRECTORY", b.objectType ?? "DIRECTORY"];
  if (objectA !== objectB) return differ("a", objectA, objectB);
  if (a.dataFlow !== undefined && b.dataFlow !== undefined && a.dataFlow !== b.dataFlow) {
    return differ("of data flow", a.dataFlow, b.dataFlow);
  }
  return undefined;
}

/** What the later definition says wins, except where both must hold. */
function join(before: Sourced, next: Sourced): Sourced {
  const [a, b] = [before.definition, next.definition];
  const allowedValues = intersect(a, b);
  const base = { name: a.name, ...(allowedValues && { allowedValues }) };
  const { source } = next;
  if (isNumeric(a) && isNumeric(b)) {
    const minValue = pick(a.minValue, b.minValue, (x, y) => compareNumbers(x, y) > 0);
    const maxValue = pick(a.maxValue, b.maxValue, (x, y) => compareNumbers(x, y) < 0);
    const bounds = {
      ...(minValue !== undefined && { minValue }),
      ...(maxValue !== undefined && { maxValue }),
    };
    return { definition: { ...a, ...b, ...base, ...bounds }, source };
  }
  if (isNumeric(a) || isNumeric(b)) return next;
  const minLength = pick(a.minLength, b.minLength, (x, y) => x > y);
  const maxLength = pick(a.maxLength, b.maxLength, (x, y) => x < y);
  const lengths = {
    ...(minLength !== undefined && { minLength }),
    ...(maxLength !== undefined && { maxLength }),
  };
  if (a.type === "PATH" && b.type === "PATH") {
    return { definition: { ...a, ...b, ...base, ...lengths }, source };
  }
  if (a.type === "STRING" && b.type === "STRING") {
    return { definition: { ...a, ...b, ...base, ...lengths }, source };
  }
  return next;
}

function pick<Value>(
  left: Value | undefined,
  right: Value | undefined,
  leftWins: (left: Value, right: Value) => boolean,
): Value | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  return leftWins(left, right) ? left : right;
}

function intersect(a: ParameterDefinition, b: ParameterDefinition): string[] | undefined {
  if (a.allowedValues === undefined || b.allowedValues === undefined)
    return a.allowedValues ?? b.allowedValues;
  const { allowedValues } = b;
  const numeric = isNumeric(a);
  return a.allowedValues.filter((value) =>
    numeric
      ? allowedValues.some((other) => compareNumbers(other, value) === 0)
      : allowedValues.includes(value),
  );
}

function isNumeric(definition: ParameterDefinition): definition is NumberParameterDefinition {
  return definition.type === "INT" || definition.type === "FLOAT";
}

function unsatisfiable(definition: ParameterDefinition): string | undefined {
  const { name, allowedValues } = definition;
  const nothing = `No value of the parameter ${name} can satisfy the job template and its environments together`;
  if (isNumeric(definition)) {
    const { minValue, maxValue } = definition;
    if (minValue !== undefined && maxValue !== undefined && compareNumbers(minValue, maxValue) > 0) {
      return `${nothing}: at least ${minValue} and at most ${maxValue}.`;
    }
  } else {
    const { minLength, maxLength } = definition;
    if (minLength !== undefined && maxLength !== undefined && minLength > maxLength) {
      return `${nothing}: at least ${minLength} and at most ${maxLength} characters.`;
    }
  }
  const { allowedValues: _, ...bounds } = definition;
  if (
    allowedValues !== undefined &&
    !allowedValues.some((value) => valueMistake(bounds, value) === undefined)
  ) {
    return `${nothing}: none of the allowed values is allowed everywhere.`;
  }
  const mistake = definition.default === undefined ? undefined : valueMistake(definition, definition.default);
  return mistake && `The default of the parameter ${name} is not allowed everywhere: ${mistake}`;
}
