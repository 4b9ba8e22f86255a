// Template text, YAML 1.2 or JSON, to a document whose numbers still know how they were written.
import { isAlias, isMap, isScalar, isSeq, parseDocument, type Alias, type ParsedNode } from "yaml";
import { parseJson } from "./json-text.ts";
import { SourceNumber } from "./numbers.ts";

/** One mistake in a template: where, as `steps[0].script.actions.onRun.command`, and one plain sentence. */
export interface TemplateProblem {
  path: string;
  message: string;
}

const MAX_DEPTH = 100;
const MAX_VALUES = 500_000;
// Reading YAML takes about a second a megabyte, and the broker does nothing else meanwhile.
const MAX_YAML = 2_000_000;
const MAX_BRACED_YAML = 1_000_000;

/**
 * Reads template text. JSON is read as JSON, everything else as YAML 1.2. Numbers become {@link SourceNumber}.
 * Repeated keys, several documents, unknown tags and alias bombs are problems. The caller bounds the text's size.
 */
export function readTemplateText(text: string): { document: unknown; problems: TemplateProblem[] } {
  const source = text.startsWith("\uFEFF") ? text.slice(1) : text;
  try {
    return { document: readSource(source), problems: [] };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { document: undefined, problems: [{ path: "", message }] };
  }
}

function readSource(source: string): unknown {
  if (!/^\s*[[{]/.test(source)) return readYaml(source);
  try {
    return parseJson(source);
  } catch (jsonError) {
    // YAML may begin with a brace too; when it is neither, JSON's complaint is the useful one. Nobody writes YAML of
    // megabytes in braces, and reading it takes seconds.
    if (source.length > MAX_BRACED_YAML) throw jsonError;
    try {
      return readYaml(source);
    } catch (yamlError) {
      throw /^\s*[[{]\s*["}\]]/.test(source) ? jsonError : yamlError;
    }
  }
}

function readYaml(source: string): unknown {
  if (source.length > MAX_YAML) {
    throw new Error(
      "A YAML template may have 2 MB. Keep data in files of its own, or write the template as JSON.",
    );
  }
  const document = parseDocument(source, { version: "1.2", schema: "core", uniqueKeys: true, merge: false });
  const first = document.errors[0] ?? document.warnings[0];
  if (first !== undefined) {
    const line = first.linePos?.[0].line;
    const [what = ""] = first.message.replace(/ at line \d+, column \d+:?/, "").split("\n");
    throw new Error(
      `${line === undefined ? "The text" : `Line ${line}`} is not valid YAML: ${lowerFirst(what)}`,
    );
  }
  return convert(document.contents, { left: MAX_VALUES, anchors: new Map(), targets: new Map() }, 0, false);
}

function lowerFirst(text: string): string {
  const plain = text.trim().replace(/[:.]?$/, ".");
  return plain.slice(0, 1).toLowerCase() + plain.slice(1);
}

interface Conversion {
  /** How many more values may be made, counting those behind aliases each time. */
  left: number;
  anchors: Map<string, ParsedNode>;
  /** An alias means the anchor that stood last before it, also when it is reached through another alias. */
  targets: Map<ParsedNode, ParsedNode>;
}

function convert(node: ParsedNode | null, state: Conversion, depth: number, repeated: boolean): unknown {
  state.left -= 1;
  if (state.left < 0) throw new Error(`The template holds more than ${MAX_VALUES} values. Shorten it.`);
  if (depth > MAX_DEPTH) throw new Error(`The template is nested deeper than ${MAX_DEPTH} levels.`);
  if (node === null) return null;
  if (isAlias(node)) return convert(targetOf(node, state), state, depth + 1, true);
  if (node.anchor !== undefined && !repeated) state.anchors.set(node.anchor, node);
  if (isMap(node)) {
    const entries = node.items.map((pair): [string, unknown] => [
      keyText(pair.key, state),
      convert(pair.value, state, depth + 1, repeated),
    ]);
    const names = new Set(entries.map(([key]) => key));
    if (names.size < entries.length) {
      const twice = entries.find(([key], index) => entries.findIndex(([other]) => other === key) < index);
      throw new Error(`The key "${twice?.[0]}" stands twice in one place. Keep one of the two.`);
    }
    return Object.fromEntries(entries);
  }
  if (isSeq(node)) return node.items.map((item) => convert(item, state, depth + 1, repeated));
  if (isScalar(node)) return scalar(node.value, node.source);
  throw new Error("The template holds something that is neither text, number, list nor map.");
}

function targetOf(alias: Alias.Parsed, state: Conversion): ParsedNode {
  const target = state.targets.get(alias) ?? state.anchors.get(alias.source);
  if (target === undefined) throw new Error(`The YAML alias *${alias.source} points to nothing.`);
  state.targets.set(alias, target);
  return target;
}

function keyText(key: ParsedNode, state: Conversion): string {
  const node = isAlias(key) ? targetOf(key, state) : key;
  if (!isScalar(node)) throw new Error("A key of the template is not a plain text.");
  return typeof node.value === "string" ? node.value : (node.source ?? String(node.value));
}

function scalar(value: unknown, source: string | undefined): unknown {
  if (typeof value !== "number" && typeof value !== "bigint") return value;
  const text = source?.trim() ?? String(value);
  // Hexadecimal and octal integers have no decimal text of their own.
  if (/^[+-]?0[xo]/i.test(text)) return new SourceNumber(BigInt(text.replace(/^\+/, "")).toString());
  return new SourceNumber(text);
}
