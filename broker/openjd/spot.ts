// A spot is one place of a document: its value, its path, and where to note what is wrong with it.
import type { TemplateProblem } from "./document.ts";
import { numberText } from "./numbers.ts";

export interface Spot {
  readonly value: unknown;
  readonly path: string;
  readonly problems: TemplateProblem[];
}

/** The fields of a map: the spot of a key, or undefined when the key is absent or null. */
export type Fields = (key: string) => Spot | undefined;

/** Notes one problem at a spot. */
export function complain(spot: Spot, message: string): undefined {
  spot.problems.push({ path: spot.path, message });
  return undefined;
}

/** The spot of `key` below another one. */
export function below(spot: Spot, key: string, value: unknown): Spot {
  return { value, path: spot.path === "" ? key : `${spot.path}.${key}`, problems: spot.problems };
}

/** Reads a map with a known set of keys; unknown and missing keys are problems. */
export function asMap(
  spot: Spot,
  required: readonly string[],
  optional: readonly string[],
): Fields | undefined {
  const map = plainMap(spot.value);
  if (map === undefined) return complain(spot, `${named(spot)} must be a map of keys and values.`);
  const known = [...required, ...optional];
  for (const key of Object.keys(map)) {
    if (known.includes(key)) continue;
    complain(
      below(spot, key, map[key]),
      `"${key}" is not a key that belongs here. Known: ${known.join(", ")}.`,
    );
  }
  for (const key of required) {
    if (!Object.hasOwn(map, key)) complain(below(spot, key, undefined), `"${key}" is missing.`);
    else if (map[key] === null) complain(below(spot, key, null), `"${key}" must have a value.`);
  }
  return (key) => {
    const value = Object.hasOwn(map, key) ? map[key] : undefined;
    return value === undefined || value === null ? undefined : below(spot, key, value);
  };
}

/** Reads a list of `min` to `max` items into their spots. */
export function asList(spot: Spot, min: number, max = Infinity): Spot[] | undefined {
  const { value } = spot;
  if (!Array.isArray(value)) return complain(spot, `${named(spot)} must be a list.`);
  if (value.length < min) return complain(spot, `${named(spot)} must hold at least ${count(min)}.`);
  if (value.length > max)
    return complain(spot, `${named(spot)} holds ${value.length} items, at most ${max} are allowed.`);
  return value.map((item: unknown, index) => ({
    value: item,
    path: `${spot.path}[${index}]`,
    problems: spot.problems,
  }));
}

/** Reads a list and keeps the items that `read` understood. */
export function eachOf<Item>(
  spots: Spot[] | undefined,
  read: (spot: Spot) => Item | undefined,
): Item[] | undefined {
  return spots?.map((item) => read(item)).filter((item) => item !== undefined);
}

export interface TextRule {
  min?: number;
  max?: number;
  /** Which control characters (Unicode Cc) may stand in it: all, only line breaks, line breaks and tabs, or none. */
  control?: "all" | "lines" | "lines-tabs" | "none";
  pattern?: RegExp;
  /** What the pattern asks for, to complete "must be …". */
  shape?: string;
}

const CONTROL = {
  none: /\p{Cc}/u,
  lines: /(?![\n\r])\p{Cc}/u,
  "lines-tabs": /(?![\n\r\t])\p{Cc}/u,
};

/** Reads a text; lengths count Unicode characters. */
export function asText(spot: Spot, rule: TextRule = {}): string | undefined {
  const { value } = spot;
  const { min = 0, max = Infinity, control = "none" } = rule;
  if (typeof value !== "string") {
    const quote = numberText(value) === undefined ? "" : ` Put it in quotes: "${numberText(value)}".`;
    return complain(spot, `${named(spot)} must be a text.${quote}`);
  }
  const length = characters(value);
  if (length < min) {
    return complain(
      spot,
      min === 1 ? `${named(spot)} must not be empty.` : `${named(spot)} is shorter than ${min} characters.`,
    );
  }
  if (length > max)
    return complain(spot, `${named(spot)} has ${length} characters, at most ${max} are allowed.`);
  if (control !== "all" && CONTROL[control].test(value)) {
    return complain(spot, `${named(spot)} holds a control character. Remove it.`);
  }
  if (rule.pattern !== undefined && !rule.pattern.test(value)) {
    return complain(
      spot,
      `"${shorten(value)}" is not valid here: ${named(spot)} must be ${rule.shape ?? "of another form"}.`,
    );
  }
  return value;
}

/** Reads one of a fixed set of words. */
export function asChoice<Word extends string>(spot: Spot, words: readonly Word[]): Word | undefined {
  const word = words.find((candidate) => candidate === spot.value);
  return word ?? complain(spot, `${named(spot)} must be ${words.join(" or ")}.`);
}

/** Reads true or false. */
export function asBoolean(spot: Spot): boolean | undefined {
  return typeof spot.value === "boolean"
    ? spot.value
    : complain(spot, `${named(spot)} must be true or false.`);
}

/** Reads a map as it is, or undefined when the value is none. */
export function plainMap(value: unknown): Record<string, unknown> | undefined {
  const plain =
    typeof value === "object" && value !== null && !Array.isArray(value) && numberText(value) === undefined;
  return plain ? (value as Record<string, unknown>) : undefined;
}

/** Notes every item whose name, as `key` spells it, was there before. */
export function refuseTwins(
  spots: Spot[] | undefined,
  what: string,
  key: (name: string) => string = (name) => name,
): void {
  const seen = new Set<string>();
  for (const spot of spots ?? []) {
    const name = plainMap(spot.value)?.name;
    if (typeof name !== "string") continue;
    if (seen.has(key(name)))
      complain(below(spot, "name", name), `Two ${what} are called "${shorten(name)}". Rename one.`);
    seen.add(key(name));
  }
}

/** How many Unicode characters a text has. */
export function characters(text: string): number {
  let length = 0;
  for (let at = 0; at < text.length; at += text.codePointAt(at)! > 0xffff ? 2 : 1) length += 1;
  return length;
}

/** Cuts a long text so that a message stays one line. */
export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

/** The last name of the spot's path, for messages. */
export function named(spot: Spot): string {
  const last = /(?:^|\.)([^.]*)$/.exec(spot.path)?.[1] ?? "";
  return last === "" ? "The template" : `"${last}"`;
}

function count(min: number): string {
  return min === 1 ? "one item" : `${min} items`;
}
