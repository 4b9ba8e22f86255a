// Format strings: finds the {{ Dotted.Name }} references of a text and puts values in their place.
import type { ParameterValue, TaskParameterValue } from "./types.ts";
import { mapPath, type PathMappingRule } from "./path-mapping.ts";

/** A format string in pieces: literal text, or the dotted name of a reference. */
export type FormatPiece = { text: string } | { name: string };

const REFERENCE = /^\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*$/;

/**
 * Splits a format string into literal text and references.
 * @throws Error with one plain sentence when braces do not match or a reference is no dotted name.
 */
export function parseFormatString(text: string): FormatPiece[] {
  const pieces: FormatPiece[] = [];
  let at = 0;
  while (at < text.length) {
    const open = text.indexOf("{{", at);
    const close = text.indexOf("}}", at);
    if (open < 0 && close < 0) break;
    if (open < 0 || (close >= 0 && close < open)) {
      throw new Error(`"}}" stands at position ${close + 1} without "{{" before it.`);
    }
    if (close < 0) throw new Error(`"{{" at position ${open + 1} is never closed with "}}".`);
    const inside = text.slice(open + 2, close);
    const name = REFERENCE.exec(inside)?.[1];
    if (name === undefined) {
      throw new Error(`"{{${inside}}}" is not a reference such as {{Param.Name}}.`);
    }
    if (open > at) pieces.push({ text: text.slice(at, open) });
    pieces.push({ name });
    at = close + 2;
  }
  if (at < text.length) pieces.push({ text: text.slice(at) });
  return pieces;
}

/** A reference to what has no value here. */
export class NoValueError extends Error {
  readonly reference: string;
  constructor(reference: string) {
    super(`{{${reference}}} has no value here. Check the name in the template.`);
    this.reference = reference;
  }
}

/** The job parameter whose value is all of a text, as in `{{Param.Frames}}`. */
export function soleParameter(text: string): string | undefined {
  return /^\{\{\s*(?:Raw)?Param\.([^.{}\s]+)\s*\}\}$/.exec(text)?.[1];
}

/**
 * Replaces every reference of a format string by its value, as plain text.
 * @throws Error with one plain sentence when the text is malformed or `lookup` knows no such name.
 */
export function resolveFormatString(text: string, lookup: (name: string) => string | undefined): string {
  if (!text.includes("{{") && !text.includes("}}")) return text;
  return parseFormatString(text)
    .map((piece) => {
      if ("text" in piece) return piece.text;
      const value = lookup(piece.name);
      if (value === undefined) throw new NoValueError(piece.name);
      return value;
    })
    .join("");
}

/** Names that are known when a job is made: `RawParam.*`, and `Param.*` of everything but paths. */
export function templateLookup(
  parameters: Readonly<Record<string, ParameterValue>>,
): (name: string) => string | undefined {
  return (name) => {
    const [, scope, key] = /^(Param|RawParam)\.([^.]+)$/.exec(name) ?? [];
    if (scope === undefined || key === undefined || !Object.hasOwn(parameters, key)) return undefined;
    const parameter = parameters[key];
    return scope === "Param" && parameter?.type === "PATH" ? undefined : parameter?.value;
  };
}

/** What a worker knows while it runs an action. */
export interface HostScope {
  parameters: Readonly<Record<string, ParameterValue>>;
  /** Only for a step's own script. */
  taskParameters?: Readonly<Record<string, TaskParameterValue>>;
  /** The session folder and its rules file, both absolute paths on this machine. */
  session?: { workingDirectory: string; pathMappingRulesFile: string };
  /** Where the embedded files of this script lie: `Task.File.*` of a step, `Env.File.*` of an environment. */
  files?: { scope: "Task" | "Env"; paths: Readonly<Record<string, string>> };
  pathMappingRules?: readonly PathMappingRule[];
}

/** Names that are known while an action runs; `Param` and `Task.Param` of paths are mapped, the raw ones are not. */
export function hostLookup(scope: HostScope): (name: string) => string | undefined {
  const rules = scope.pathMappingRules ?? [];
  const valueOf = (
    values: Readonly<Record<string, TaskParameterValue>> | undefined,
    key: string,
    raw: boolean,
  ): string | undefined => {
    const value = values !== undefined && Object.hasOwn(values, key) ? values[key] : undefined;
    return value?.type === "PATH" && !raw ? mapPath(value.value, rules) : value?.value;
  };
  return (name) => {
    if (name === "Session.WorkingDirectory") return scope.session?.workingDirectory;
    if (name === "Session.PathMappingRulesFile") return scope.session?.pathMappingRulesFile;
    if (name === "Session.HasPathMappingRules") return rules.length > 0 ? "true" : "false";
    const [, prefix, key] =
      /^(Param|RawParam|Task\.Param|Task\.RawParam|Task\.File|Env\.File)\.([^.]+)$/.exec(name) ?? [];
    if (prefix === undefined || key === undefined) return undefined;
    if (prefix === "Param" || prefix === "RawParam") {
      return valueOf(scope.parameters, key, prefix === "RawParam");
    }
    if (prefix === "Task.Param" || prefix === "Task.RawParam") {
      return valueOf(scope.taskParameters, key, prefix === "Task.RawParam");
    }
    const { files } = scope;
    if (files === undefined || prefix !== `${files.scope}.File` || !Object.hasOwn(files.paths, key))
      return undefined;
    return files.paths[key];
  };
}
