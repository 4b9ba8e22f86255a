// Template files and -p arguments on the command line: read, checked and explained in sentences.
import { readFile, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { bindParameters, type ParameterValue } from "../openjd/bind.ts";
import { readTemplateText, type TemplateProblem } from "../openjd/document.ts";
import { plainMap } from "../openjd/spot.ts";
import { checkEnvironmentTemplate, checkJobTemplate, templateKind } from "../openjd/template.ts";
import type { EnvironmentTemplate, JobTemplate } from "../openjd/types.ts";
import { CommandMistake } from "./failure.ts";

export { CommandMistake };

const MAX_TEMPLATE_BYTES = 10 * 1024 * 1024;

/** Reads any template file and checks it as the kind that its `specificationVersion` names. */
export async function checkTemplateFile(file: string): Promise<{
  template?: JobTemplate | EnvironmentTemplate;
  problems: TemplateProblem[];
}> {
  let text: string;
  try {
    text = await readBounded(file);
  } catch (error) {
    return { problems: [{ path: "", message: sentence(error) }] };
  }
  const { document, problems } = readTemplateText(text);
  if (problems.length > 0) return { problems };
  return templateKind(document) === "environment"
    ? checkEnvironmentTemplate(document)
    : checkJobTemplate(document);
}

/** Reads a job template file. Throws {@link CommandMistake} with every problem when it is none. */
export async function loadJobTemplate(file: string): Promise<JobTemplate> {
  const { template, problems } = await checkTemplateFile(file);
  if (template === undefined) throw new CommandMistake(listProblems(file, problems));
  if ("steps" in template) return template;
  throw new CommandMistake(`${file} is an environment template, which has no steps. Give a job template.`);
}

/** The text of a template file. Throws {@link CommandMistake} when it cannot be read. */
export async function readTemplateFile(file: string): Promise<string> {
  try {
    return await readBounded(file);
  } catch (error) {
    throw new CommandMistake(sentence(error));
  }
}

/** Reads environment template files, in order. Throws {@link CommandMistake} when one is none. */
export async function loadEnvironmentTemplates(files: readonly string[]): Promise<EnvironmentTemplate[]> {
  const templates: EnvironmentTemplate[] = [];
  for (const file of files) {
    const { template, problems } = await checkTemplateFile(file);
    if (template === undefined) throw new CommandMistake(listProblems(file, problems));
    if ("steps" in template)
      throw new CommandMistake(`${file} is a job template. --environment takes environment templates.`);
    templates.push(template);
  }
  return templates;
}

/**
 * Reads -p arguments: `NAME=VALUE`, or `file://params.yaml` with a map of values or a bundle's `parameterValues`.
 * A later argument replaces an earlier one. Throws {@link CommandMistake}.
 */
export async function readParameterArguments(args: readonly string[]): Promise<Record<string, unknown>> {
  const values = new Map<string, unknown>();
  for (const argument of args) {
    const entries = argument.startsWith("file://") ? await readParameterFile(argument) : [readPair(argument)];
    for (const [name, value] of entries) values.set(name, value);
  }
  return Object.fromEntries(values);
}

/** Binds given values for a template file. Throws {@link CommandMistake} with every problem. */
export function bindForFile(
  file: string,
  template: JobTemplate,
  environments: readonly EnvironmentTemplate[],
  given: Readonly<Record<string, unknown>>,
): Record<string, ParameterValue> {
  const where = { templateDirectory: dirname(resolve(file)), currentDirectory: process.cwd() };
  const { parameters, problems } = bindParameters(template, environments, given, where);
  if (problems.length > 0) throw new CommandMistake(problems.map(({ message }) => message).join("\n"));
  return parameters;
}

/** The problems of one file, a line each, with the path of the field before the sentence. */
export function listProblems(file: string, problems: readonly TemplateProblem[]): string {
  const lines = problems.map(({ path, message }) => (path === "" ? `  ${message}` : `  ${path}: ${message}`));
  return [`${file}: ${problems.length === 1 ? "1 problem" : `${problems.length} problems`}`, ...lines].join(
    "\n",
  );
}

async function readBounded(file: string): Promise<string> {
  const { size } = await stat(file);
  if (size > MAX_TEMPLATE_BYTES) {
    throw new CommandMistake(
      `${file} is larger than 10 MB, too large for a template. Keep data in files of its own.`,
    );
  }
  const bytes = await readFile(file);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new CommandMistake(`${file} is not UTF-8 text. Save it as UTF-8.`);
  }
}

function readPair(argument: string): [string, unknown] {
  const at = argument.indexOf("=");
  if (at > 0) return [argument.slice(0, at), argument.slice(at + 1)];
  throw new CommandMistake(
    `-p ${argument} is not NAME=VALUE. Write for example -p Frames=1-10, or -p file://params.yaml.`,
  );
}

async function readParameterFile(argument: string): Promise<[string, unknown][]> {
  // Both file:///absolute/path and file://relative/path are in use.
  const file = argument.startsWith("file:///") ? fileURLToPath(argument) : argument.slice("file://".length);
  let text: string;
  try {
    text = await readBounded(file);
  } catch (error) {
    throw new CommandMistake(sentence(error));
  }
  const { document, problems } = readTemplateText(text);
  if (problems.length > 0) throw new CommandMistake(listProblems(file, problems));
  const map = plainMap(document);
  if (map === undefined) throw new CommandMistake(`${file} must be a map of parameter names and values.`);
  if (!Array.isArray(map.parameterValues)) return Object.entries(map);
  return map.parameterValues.flatMap((entry: unknown): [string, unknown][] => {
    const pair = plainMap(entry);
    if (typeof pair?.name !== "string")
      throw new CommandMistake(`Each of parameterValues in ${file} needs a name and a value.`);
    // Names with a colon are settings of a render service, not parameters of the template.
    return pair.name.includes(":") ? [] : [[pair.name, pair.value]];
  });
}

function sentence(error: unknown): string {
  if (error instanceof CommandMistake) return error.message;
  const { code, path: at } = plainMap(error) ?? {};
  const path = typeof at === "string" ? at : "The file";
  if (code === "ENOENT") return `${path} does not exist. Check its name and folder.`;
  if (code === "EISDIR") return `${path} is a folder. Give a file.`;
  if (code === "EACCES") return `${path} may not be read. Check its permissions.`;
  return error instanceof Error ? error.message : String(error);
}
