// Path mapping: turns the path of the machine that submitted into the path of the machine that renders.

export interface PathMappingRule {
  sourcePathFormat: "POSIX" | "WINDOWS";
  sourcePath: string;
  destinationPath: string;
}

const VERSION = "pathmapping-1.0";
const RULE_KEYS = ["destination_path", "source_path", "source_path_format"];

/**
 * Reads the JSON text of a path mapping document.
 * @throws Error with one plain sentence when the text is not such a document.
 */
export function parsePathMappingRules(text: string): PathMappingRule[] {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    throw new Error("The path mapping rules are not valid JSON. Mend the text and try again.");
  }
  if (!isObject(document) || document.version !== VERSION || !Array.isArray(document.path_mapping_rules)) {
    throw new Error(
      `The path mapping rules must be {"version": "${VERSION}", "path_mapping_rules": [ … ]}. Write them in that form and try again.`,
    );
  }
  return document.path_mapping_rules.map((rule: unknown, index) => readRule(rule, index));
}

/** Writes rules as the JSON document that a session's rules file holds. */
export function pathMappingDocument(rules: readonly PathMappingRule[]): string {
  return JSON.stringify({
    version: VERSION,
    path_mapping_rules: rules.map((rule) => ({
      source_path_format: rule.sourcePathFormat,
      source_path: rule.sourcePath,
      destination_path: rule.destinationPath,
    })),
  });
}

/** Maps one path: the rule with the longest source wins; a path that no rule covers comes back untouched. */
export function mapPath(path: string, rules: readonly PathMappingRule[]): string {
  let best: { rule: PathMappingRule; length: number; rest: string[] } | undefined;
  for (const rule of rules) {
    const source = pathParts(rule.sourcePath, rule.sourcePathFormat);
    if (best !== undefined && source.length <= best.length) continue;
    const parts = pathParts(path, rule.sourcePathFormat);
    if (startsWith(parts, source, rule.sourcePathFormat)) {
      best = { rule, length: source.length, rest: parts.slice(source.length) };
    }
  }
  if (best === undefined) return path;
  const slash = isWindowsPath(best.rule.destinationPath) ? "\\" : "/";
  const trailing = best.rule.sourcePathFormat === "WINDOWS" ? /[\\/]$/ : /\/$/;
  const base = best.rule.destinationPath.replace(slash === "\\" ? /[\\/]+$/ : /\/+$/, "");
  const mapped = [base, ...best.rest].join(slash);
  // A bare root ("/", "C:\") lost its slash above and needs it back when nothing follows.
  if (best.rest.length === 0 && base !== best.rule.destinationPath && /^([A-Za-z]:)?$/.test(base)) {
    return base + slash;
  }
  return trailing.test(path) ? mapped + slash : mapped;
}

/** Tells by its look whether a path was written for Windows: a drive letter or a network share. */
export function isWindowsPath(path: string): boolean {
  return /^[A-Za-z]:[\\/]/.test(path) || path.startsWith("\\\\");
}

function readRule(rule: unknown, index: number): PathMappingRule {
  const complaint = `Path mapping rule ${index + 1} must have source_path_format (POSIX or WINDOWS), source_path and destination_path, and nothing else.`;
  if (!isObject(rule) || Object.keys(rule).toSorted().join() !== RULE_KEYS.join()) throw new Error(complaint);
  const { source_path_format: format, source_path: source, destination_path: destination } = rule;
  if (format !== "POSIX" && format !== "WINDOWS") throw new Error(complaint);
  if (typeof source !== "string" || typeof destination !== "string") throw new Error(complaint);
  if (source === "" || destination === "") throw new Error(complaint);
  return { sourcePathFormat: format, sourcePath: source, destinationPath: destination };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The path's root and names, without doubled slashes and "."; ".." stays, because a link may stand before it. */
function pathParts(path: string, format: "POSIX" | "WINDOWS"): string[] {
  const names = (text: string) => text.split("/").filter((name) => name !== "" && name !== ".");
  if (format === "POSIX") {
    // Exactly two leading slashes are a root of their own in POSIX.
    const root = /^\/\/(?!\/)/.test(path) ? ["//"] : path.startsWith("/") ? ["/"] : [];
    return [...root, ...names(path)];
  }
  const slashed = path.replaceAll("\\", "/");
  const anchor = /^(\/\/[^/]+\/[^/]+\/?|[A-Za-z]:\/?|\/)/.exec(slashed)?.[0] ?? "";
  const root = anchor.startsWith("//") ? anchor.replace(/\/$/, "") : anchor;
  return [...(root === "" ? [] : [root]), ...names(slashed.slice(anchor.length))];
}

function startsWith(parts: string[], source: string[], format: "POSIX" | "WINDOWS"): boolean {
  if (source.length === 0 || source.length > parts.length) return false;
  const fold = (text: string | undefined) => (format === "WINDOWS" ? text?.toLowerCase() : text);
  return source.every((part, index) => fold(part) === fold(parts[index]));
}
