// A JSON reader that keeps the text of numbers and refuses keys that stand twice.
import { SourceNumber } from "./numbers.ts";

const MAX_DEPTH = 100;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\r\n]*/y;
const WORD = /true|false|null/y;

/**
 * Reads JSON text; numbers become {@link SourceNumber}.
 * @throws Error with one plain sentence that names the line of the mistake.
 */
export function parseJson(text: string): unknown {
  let at = 0;
  const fail = (what: string): never => {
    const line = text.slice(0, at).split("\n").length;
    throw new Error(`Line ${line} is not valid JSON: ${what}.`);
  };
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0];
    if (found !== undefined) at += found.length;
    return found;
  };
  const expect = (sign: string) => {
    match(SPACE);
    if (text[at] !== sign) fail(`"${sign}" is missing`);
    at += 1;
  };
  const more = (end: string): boolean => {
    match(SPACE);
    if (text[at] === end) {
      at += 1;
      return false;
    }
    expect(",");
    return true;
  };
  const string = (): string => {
    match(SPACE);
    const start = at;
    if (text[at] !== '"') fail("a text in double quotes is missing");
    // By hand: a regular expression runs out of stack on texts of some megabytes.
    for (at += 1; text[at] !== '"'; at += text[at] === "\\" ? 2 : 1) {
      if (at >= text.length) fail("a text in double quotes is not closed");
    }
    at += 1;
    try {
      return String(JSON.parse(text.slice(start, at)));
    } catch {
      return fail("a text holds a line break, a control character or an unknown escape");
    }
  };
  const object = (depth: number): Record<string, unknown> => {
    const entries = new Map<string, unknown>();
    match(SPACE);
    if (text[at] === "}") {
      at += 1;
      return {};
    }
    do {
      const key = string();
      if (entries.has(key)) fail(`the key "${key}" stands twice`);
      expect(":");
      entries.set(key, value(depth));
    } while (more("}"));
    return Object.fromEntries(entries);
  };
  const list = (depth: number): unknown[] => {
    const items: unknown[] = [];
    match(SPACE);
    if (text[at] === "]") {
      at += 1;
      return items;
    }
    do items.push(value(depth));
    while (more("]"));
    return items;
  };
  const value = (depth: number): unknown => {
    if (depth > MAX_DEPTH) fail(`values are nested deeper than ${MAX_DEPTH} levels`);
    match(SPACE);
    const sign = text[at];
    if (sign === "{" || sign === "[") {
      at += 1;
      return sign === "{" ? object(depth + 1) : list(depth + 1);
    }
    if (sign === '"') return string();
    const word = match(WORD);
    if (word !== undefined) return word === "null" ? null : word === "true";
    const number = match(NUMBER);
    return number === undefined ? fail("a value is missing") : new SourceNumber(number);
  };
  const result = value(0);
  match(SPACE);
  if (at < text.length) fail("there is something after the end of the document");
  return result;
}
