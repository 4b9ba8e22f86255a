// Which references a format string may use at each place of a template, and what to say when it uses another.
import { parseFormatString } from "./format-string.ts";
import { asText, complain, plainMap, type Spot, type TextRule } from "./spot.ts";

/** The names that exist at one place of a template. */
export type Scope = ReadonlySet<string>;

const SESSION = ["Session.WorkingDirectory", "Session.HasPathMappingRules", "Session.PathMappingRulesFile"];

/** What is known when the job is made: paths only raw, because mapping happens on the worker. */
export function templateScope(parameters: unknown): Scope {
  const names = definitions(parameters).flatMap(({ name, type }) =>
    type === "PATH" ? [`RawParam.${name}`] : [`RawParam.${name}`, `Param.${name}`],
  );
  return new Set(names);
}

/** What is known on the worker, in every script and environment variable. */
export function hostScope(parameters: unknown): Scope {
  const names = definitions(parameters).flatMap(({ name }) => [`RawParam.${name}`, `Param.${name}`]);
  return new Set([...SESSION, ...names]);
}

/** A scope with the names that a list of named maps (task parameters, embedded files) adds under prefixes. */
export function withNames(scope: Scope, list: unknown, ...prefixes: string[]): Scope {
  const added = definitions(list).flatMap(({ name }) => prefixes.map((prefix) => `${prefix}.${name}`));
  return new Set([...scope, ...added]);
}

/** Reads a text that is a format string and checks its references. */
export function asFormatString(spot: Spot, scope: Scope, rule: TextRule = {}): string | undefined {
  const text = asText(spot, rule);
  if (text === undefined) return undefined;
  const names = referencesOf(spot, text);
  if (names === undefined) return undefined;
  const unknown = names.find((name) => !scope.has(name));
  return unknown === undefined ? text : complain(spot, unknownReference(unknown, scope));
}

/** The references of a format string; a malformed one is a problem. */
export function referencesOf(spot: Spot, text: string): string[] | undefined {
  try {
    return parseFormatString(text).flatMap((piece) => ("name" in piece ? [piece.name] : []));
  } catch (error) {
    return complain(spot, error instanceof Error ? error.message : String(error));
  }
}

// Definitions are read raw here, so that a mistake in one does not make every reference to it look wrong too.
function definitions(list: unknown): { name: string; type: unknown }[] {
  if (!Array.isArray(list)) return [];
  return list.flatMap((entry: unknown) => {
    const map = plainMap(entry);
    return typeof map?.name === "string" ? [{ name: map.name, type: map.type }] : [];
  });
}

function unknownReference(name: string, scope: Scope): string {
  const path = /^Param\.(.+)$/.exec(name)?.[1];
  if (path !== undefined && scope.has(`RawParam.${path}`)) {
    return `{{${name}}} is a path, known only on the worker. Use {{RawParam.${path}}} here.`;
  }
  const near = [...scope].find((known) => isNear(known.toLowerCase(), name.toLowerCase()));
  const hint =
    near === undefined ? "Check its spelling and where it is defined." : `Did you mean {{${near}}}?`;
  return `{{${name}}} does not exist here. ${hint}`;
}

/** Equal, or one letter apart. */
function isNear(left: string, right: string): boolean {
  if (left === right) return true;
  if (Math.abs(left.length - right.length) > 1) return false;
  let start = 0;
  while (start < left.length && left[start] === right[start]) start += 1;
  let end = 0;
  while (end < Math.min(left.length, right.length) - start && left.at(-1 - end) === right.at(-1 - end))
    end += 1;
  return Math.max(left.length, right.length) - start - end <= 1;
}
