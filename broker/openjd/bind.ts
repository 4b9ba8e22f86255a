// Binding: the values that a person gave, and defaults, become the parameters of a job.
import type { TemplateProblem } from "./document.ts";
import { mergeParameterDefinitions } from "./merge.ts";
import { asParameterValue, valueMistake } from "./parameters.ts";
import { isWindowsPath } from "./path-mapping.ts";
import { shorten, type Spot } from "./spot.ts";
import type { EnvironmentTemplate, JobTemplate, ParameterDefinition, ParameterValue } from "./types.ts";

export type { ParameterValue } from "./types.ts";

/** Where relative paths begin; both are absolute folders. */
export interface BindingPlace {
  /** The folder of the template: relative defaults lie below it. */
  templateDirectory: string;
  /** The folder of the person: relative given values begin here. */
  currentDirectory: string;
}

/**
 * Binds given values to the parameters of a job template and its environment templates. Values are texts, or numbers
 * for INT and FLOAT. A problem's path is the parameter's name.
 */
export function bindParameters(
  template: Pick<JobTemplate, "parameterDefinitions">,
  environments: readonly EnvironmentTemplate[],
  given: Readonly<Record<string, unknown>>,
  where: BindingPlace,
): { parameters: Record<string, ParameterValue>; problems: TemplateProblem[] } {
  const { definitions, problems } = mergeParameterDefinitions(template, environments);
  const known = definitions.map(({ name }) => name);
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const hint = known.length === 0 ? "It has no parameters." : `It has: ${known.map(shorten).join(", ")}.`;
    problems.push({
      path: name,
      message: `The template has no parameter called "${shorten(name)}". ${hint}`,
    });
  }
  const parameters: Record<string, ParameterValue> = {};
  for (const definition of definitions) {
    const value = Object.hasOwn(given, definition.name)
      ? bindGiven(definition, given[definition.name], where, problems)
      : bindDefault(definition, where, problems);
    if (value !== undefined) parameters[definition.name] = { type: definition.type, value };
  }
  return { parameters, problems };
}

function bindGiven(
  definition: ParameterDefinition,
  given: unknown,
  where: BindingPlace,
  problems: TemplateProblem[],
): string | undefined {
  const spot: Spot = { value: given, path: definition.name, problems };
  const value = asParameterValue(spot, definition.type);
  if (value === undefined) return undefined;
  const mistake = valueMistake(definition, value);
  if (mistake !== undefined) {
    problems.push({ path: definition.name, message: `${definition.name}: ${mistake}` });
    return undefined;
  }
  // An empty path means "none"; it must not turn into the current folder.
  if (definition.type !== "PATH" || value === "" || isAbsolute(value)) return value;
  return joinPath(where.currentDirectory, value);
}

function bindDefault(
  definition: ParameterDefinition,
  where: BindingPlace,
  problems: TemplateProblem[],
): string | undefined {
  const { name, default: value } = definition;
  const note = (message: string): undefined => void problems.push({ path: name, message });
  if (value === undefined) return note(`The parameter ${name} needs a value. Give one with -p ${name}=…`);
  if (definition.type !== "PATH" || value === "") return value;
  if (isAbsolute(value)) {
    return note(
      `The default of ${name} is the absolute path "${shorten(value)}". Make it relative to the template's folder.`,
    );
  }
  const path = joinPath(where.templateDirectory, value);
  const base = joinPath(where.templateDirectory, "");
  const inside =
    path === base || path.startsWith(base.endsWith("/") || base.endsWith("\\") ? base : base + slashOf(base));
  return inside
    ? path
    : note(
        `The default of ${name}, "${shorten(value)}", leads out of the template's folder. Keep it inside.`,
      );
}

/** From the root of a disk, as Linux, macOS or Windows write it. */
export function isAbsolute(path: string): boolean {
  return path.startsWith("/") || isWindowsPath(path);
}

function slashOf(folder: string): string {
  return isWindowsPath(folder) ? "\\" : "/";
}

/** Joins and tidies: "." and doubled slashes go, ".." takes back a folder, as the references do it. */
function joinPath(folder: string, path: string): string {
  const windows = isWindowsPath(folder);
  const whole = windows ? `${folder}\\${path}`.replaceAll("/", "\\") : `${folder}/${path}`;
  const root = windows ? (/^(\\\\[^\\]+\\[^\\]+\\?|[A-Za-z]:\\)/.exec(whole)?.[0] ?? "") : "/";
  const parts: string[] = [];
  for (const part of whole.slice(root.length).split(slashOf(folder))) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return root + parts.join(slashOf(folder));
}
