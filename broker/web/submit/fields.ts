// The form of a template: one field a parameter with the control that OpenJD names for it, in the groups of the template.
import type { ParameterDefinition } from "../../openjd/types.ts";
import { presetWords } from "./value-words.ts";

export type Control = "line" | "lines" | "number" | "choice" | "check" | "file" | "folder";

export interface Field {
  name: string;
  label: string;
  description: string;
  control: Control;
  /** Parameter type, as a hint for values: whole numbers, numbers, paths. */
  type: ParameterDefinition["type"];
  /** The value it has when nobody gives one; null: it must be given. */
  preset: string | null;
  /** What the preset means to a person, where the template says it: shown in its stead. */
  presetMeans: string | null;
  choices: readonly string[];
  min: string | null;
  max: string | null;
  /** How far the arrows of a number go. */
  step: string;
  /** Lengths of texts. */
  shortest: number;
  longest: number | null;
  /** Files that a dialog would offer, as `*.blend`. */
  patterns: readonly string[];
  /** Written by the job rather than read. */
  isOutput: boolean;
  /** Not shown, unless it has no preset. */
  hidden: boolean;
}

export interface FieldGroup {
  title: string;
  fields: Field[];
}

/** The field of one parameter. */
export function fieldOf(definition: ParameterDefinition): Field {
  const { name, description = "", allowedValues = [], userInterface } = definition;
  const base = {
    name,
    label: userInterface?.label ?? spaced(name),
    description,
    type: definition.type,
    preset: definition.default ?? null,
    presetMeans: presetWords(definition.default ?? null, description),
    choices: allowedValues,
    control: controlOf(definition),
    hidden: userInterface?.control === "HIDDEN" && definition.default !== undefined,
    min: null,
    max: null,
    step: "any",
    shortest: 0,
    longest: null,
    patterns: [],
    isOutput: false,
  };
  if (definition.type === "INT" || definition.type === "FLOAT") {
    const { decimals, singleStepDelta } = definition.userInterface ?? {};
    const byDecimals =
      decimals === undefined ? undefined : decimals === 0 ? "1" : `0.${"0".repeat(decimals - 1)}1`;
    return {
      ...base,
      min: definition.minValue ?? null,
      max: definition.maxValue ?? null,
      step: singleStepDelta ?? (definition.type === "INT" ? "1" : (byDecimals ?? "0.1")),
    };
  }
  if (definition.type !== "STRING" && definition.type !== "PATH") return base;
  const lengths = { shortest: definition.minLength ?? 0, longest: definition.maxLength ?? null };
  if (definition.type === "STRING") return { ...base, ...lengths };
  return {
    ...base,
    ...lengths,
    patterns: (definition.userInterface?.fileFilters ?? []).flatMap(({ patterns }) => patterns),
    isOutput: definition.dataFlow === "OUT" || definition.dataFlow === "INOUT",
  };
}

function controlOf(definition: ParameterDefinition): Control {
  const control = definition.userInterface?.control;
  if (control === "CHECK_BOX") return "check";
  if (control === "MULTILINE_EDIT") return "lines";
  if (definition.allowedValues !== undefined) return "choice";
  if (definition.type === "STRING") return "line";
  if (definition.type !== "PATH") return "number";
  return control === "CHOOSE_DIRECTORY" || definition.objectType === "DIRECTORY" ? "folder" : "file";
}

/** `OutputFolder` as a person writes it. */
function spaced(name: string): string {
  const words = name
    .replaceAll("_", " ")
    .replaceAll(/([a-z\d])([A-Z])/g, (_, a: string, b: string) => `${a} ${b.toLowerCase()}`);
  return words.slice(0, 1).toUpperCase() + words.slice(1);
}

/** Fields in the groups of the template, in its order; those without a group come first, under no title. */
export function groupsOf(definitions: readonly ParameterDefinition[]): FieldGroup[] {
  const groups = new Map<string, Field[]>([["", []]]);
  for (const definition of definitions) {
    const field = fieldOf(definition);
    if (field.hidden) continue;
    const title = definition.userInterface?.groupLabel ?? "";
    groups.set(title, [...(groups.get(title) ?? []), field]);
  }
  return [...groups].filter(([, fields]) => fields.length > 0).map(([title, fields]) => ({ title, fields }));
}

/** The two words of a check box: what it says when it is on, and when it is off. */
export function checkWords(field: Field): { on: string; off: string } {
  const on = field.choices.find((word) => /^(true|yes|on|1)$/i.test(word)) ?? "true";
  return { on, off: field.choices.find((word) => word !== on) ?? "false" };
}

/** What goes to the broker: values that somebody gave, and no others, so that a template's own presets hold. */
export function parametersOf(
  groups: readonly FieldGroup[],
  values: Readonly<Record<string, string>>,
): Record<string, string> {
  const given = groups.flatMap(({ fields }) =>
    fields.flatMap((field): [string, string][] => {
      const value = values[field.name];
      if (value === undefined || value === field.preset) return [];
      const isLeftOut = value === "" && (field.preset === null || field.control === "number");
      return isLeftOut ? [] : [[field.name, value]];
    }),
  );
  return Object.fromEntries(given);
}

/** From the root of a disk, as Linux, macOS or Windows write it. */
export function isFullPath(path: string): boolean {
  return /^(\/|[A-Za-z]:[\\/]|\\\\)/.test(path);
}

/** Where pictures go, by custom of the templates that come with Tally: texts, as a pattern is no path. */
const placesByCustom = ["Output", "Pictures"];

/** It says where files go: from a page there is no folder that a short path could count from. */
function isPlace(field: Field, text: string): boolean {
  return field.isOutput || (placesByCustom.includes(field.name) && /[\\/#]/.test(text));
}

/** One sentence about a value that cannot be right, before anybody is asked; null: none to be seen from here. */
export function mistakeOf(field: Field, value: string | undefined): string | null {
  const text = value ?? field.preset ?? "";
  if (text === "" && field.preset === null && (field.shortest > 0 || field.type !== "STRING"))
    return "This is needed.";
  if (text === "") return null;
  // What a template has by itself is its author's: nobody here can know what it counts from.
  if (text !== field.preset && isPlace(field, text) && !isFullPath(text))
    return "This is no full path. Begin at the root of the disk, for example /shots/sc010/beauty_####.";
  if (field.type === "INT" && !/^\s*[+-]?\d+\s*$/.test(text)) return "This must be a whole number.";
  if (field.type === "FLOAT" && !/^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(text))
    return "This must be a number.";
  if (field.type === "INT" || field.type === "FLOAT") {
    const number = Number(text);
    if (field.min !== null && number < Number(field.min)) return `The least is ${field.min}.`;
    if (field.max !== null && number > Number(field.max)) return `The most is ${field.max}.`;
    return null;
  }
  const length = Array.from(text).length;
  if (length < field.shortest) return `At least ${field.shortest} characters are needed.`;
  if (field.longest !== null && length > field.longest) return `At most ${field.longest} characters fit.`;
  return null;
}

export interface Mistakes {
  /** By parameter. */
  fields: Record<string, string>;
  /** Of Tally's own settings, by name. */
  settings: Record<string, string>;
  /** Everything else: where, and what. */
  rest: { where: string; detail: string }[];
}

/** Sorts the field errors of a problem to the fields they are about. */
export function sortMistakes(
  errors: readonly { pointer: string; detail: string }[],
  names: readonly string[],
): Mistakes {
  const mistakes: Mistakes = { fields: {}, settings: {}, rest: [] };
  for (const { pointer, detail } of errors) {
    const path = pointer.replace(/^\//, "").replaceAll("/", ".");
    const [part = "", ...more] = path.split(".");
    const name = more.join(".");
    if (part === "parameters" && names.includes(name)) mistakes.fields[name] ??= ownWords(detail, name);
    else if (part === "settings" && name !== "") mistakes.settings[name] ??= detail;
    else mistakes.rest.push({ where: part === "template" && name !== "" ? name : path, detail });
  }
  return mistakes;
}

/** Beside its field a sentence need not name it, nor tell what to type at a prompt. */
function ownWords(detail: string, name: string): string {
  const text = detail.startsWith(`${name}: `) ? detail.slice(name.length + 2) : detail;
  return text.replace(/ Give one with -p .*$/, "");
}
