// Says in plain words what is wrong with a setting of tally.yaml.
import { z } from "zod";

interface Node {
  properties?: Record<string, Node>;
  additionalProperties?: Node | boolean;
  oneOf?: Node[];
  anyOf?: Node[];
  items?: Node;
  const?: unknown;
}

const kinds: Record<string, string> = {
  object: "settings of its own, a line each",
  record: "settings of its own, a line each",
  array: "a list",
  string: "text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
};

/** One sentence about one mistake in `value`, the whole file as it was read, which `schema` refused. */
export function configMistake(schema: z.ZodType, value: unknown, issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String);
  const where = path.join(".");
  const found = valueAt(value, path);
  if (issue.code === "unrecognized_keys") {
    const named = issue.keys.map((key) => `\`${key}\``).join(", ");
    const known = settingsAt(z.toJSONSchema(schema, { io: "input" }) as Node, value, path);
    return `${where === "" ? "" : `${where}: `}there is no setting ${named} here; there are: ${known.join(", ")}.`;
  }
  return `${where === "" ? "The file" : where} must be ${wanted(schema, value, issue)}${found === undefined ? "; nothing is written there" : `, not ${spoken(found)}`}.`;
}

function wanted(schema: z.ZodType, value: unknown, issue: z.core.$ZodIssue): string {
  const path = issue.path.map(String);
  switch (issue.code) {
    case "invalid_type":
      return kinds[issue.expected] ?? issue.expected;
    case "too_small":
      return `${issue.inclusive === false ? "more than" : "at least"} ${issue.minimum}${lengthWords(issue.origin)}`;
    case "too_big":
      return `${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}${lengthWords(issue.origin)}`;
    case "invalid_value":
      return issue.values.map(String).join(" or ");
    case "invalid_format":
      return issue.format === "url"
        ? "an address such as http://render.example:7878"
        : `written as ${issue.format}`;
    case "invalid_union": {
      const choices = choicesAt(z.toJSONSchema(schema, { io: "input" }) as Node, value, path);
      return choices.length > 0 ? choices.join(" or ") : "something else";
    }
    case "invalid_key":
      return "under a shorter name";
    default:
      return issue.message;
  }
}

function lengthWords(origin: string): string {
  return origin === "string" ? " letters long" : origin === "array" ? " entries long" : "";
}

function spoken(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (value !== null && typeof value === "object") return "settings of its own";
  return typeof value === "string" ? `the text "${value.slice(0, 100)}"` : String(value);
}

function valueAt(value: unknown, path: readonly string[]): unknown {
  let at: unknown = value;
  for (const name of path) at = (at as Record<string, unknown> | null | undefined)?.[name];
  return at;
}

/** What the schema says about the setting at `path`; among kinds of things, the kind that is written in the file. */
function nodeAt(root: Node, value: unknown, path: readonly string[]): Node | undefined {
  let node: Node | undefined = root;
  for (const [depth, name] of path.entries()) {
    const within: Node | undefined = node && ofKind(node, valueAt(value, path.slice(0, depth)));
    const others: Node | boolean | undefined = within?.additionalProperties;
    node = within?.properties?.[name] ?? within?.items ?? (typeof others === "object" ? others : undefined);
  }
  return node;
}

function ofKind(node: Node, value: unknown): Node {
  const written = (value as { kind?: unknown } | null | undefined)?.kind;
  return alternatives(node).find((one) => one.properties?.["kind"]?.const === written) ?? node;
}

const alternatives = (node: Node): Node[] => node.oneOf ?? node.anyOf ?? [];

function settingsAt(root: Node, value: unknown, path: readonly string[]): string[] {
  const node = nodeAt(root, value, path);
  return Object.keys((node && ofKind(node, valueAt(value, path)))?.properties ?? {});
}

/** The kinds there are, when the path ends in `kind`. */
function choicesAt(root: Node, value: unknown, path: readonly string[]): string[] {
  const name = path.at(-1);
  const node = nodeAt(root, value, path.slice(0, -1));
  if (name === undefined || node === undefined) return [];
  return alternatives(node).flatMap((one) => {
    const only = one.properties?.[name]?.const;
    return typeof only === "string" ? [only] : [];
  });
}
