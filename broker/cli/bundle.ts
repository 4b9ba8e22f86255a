// Reads a Deadline Cloud job bundle: a folder with a template, values for its parameters, and the files that it needs.
import { readdir, realpath, stat } from "node:fs/promises";
import { join, relative, resolve, sep } from "node:path";
import { readTemplateText } from "../openjd/document.ts";
import { plainMap } from "../openjd/spot.ts";
import { CommandMistake } from "./failure.ts";
import { checkTemplateFile, listProblems, readTemplateFile } from "./template-files.ts";
import type { JobTemplate } from "../openjd/types.ts";

/** Files beside those of PATH parameters; every path is absolute. */
export interface AssetReferences {
  inputFiles: string[];
  inputFolders: string[];
  outputFolders: string[];
  /** Paths that the job names and that are not sent: the workers have them. */
  referenced: string[];
}

export interface Bundle {
  folder: string;
  templateFile: string;
  text: string;
  template: JobTemplate;
  /** Values as they stand in parameter_values, in order; names that the template lacks are among them. */
  values: { name: string; value: unknown }[];
  references: AssetReferences;
  /** Files of the bundle that Tally leaves alone although another service would act on them. */
  ignoredFiles: string[];
}

/** More entries than any bundle has: an artist's home folder is no bundle. */
const mostEntries = 100_000;

/** True when the folder has a template as bundles name it. */
export async function isBundle(folder: string): Promise<boolean> {
  const names = await readdir(folder).catch((): string[] => []);
  return names.some((name) => /^template\.(yaml|json)$/.test(name));
}

/**
 * Reads a bundle and checks it: one template, values and references of the right shape, and no link that leads out of
 * the folder. Throws CommandMistake with every problem of the file that is wrong.
 */
export async function readBundle(path: string): Promise<Bundle> {
  const folder = resolve(path);
  const names = await readdir(folder);
  const file = (base: string): string | undefined => {
    const found = [`${base}.yaml`, `${base}.json`].filter((name) => names.includes(name));
    if (found.length > 1)
      throw new CommandMistake(
        `${folder} has both ${found.join(" and ")}. Remove the one that is not meant.`,
      );
    return found[0] && join(folder, found[0]);
  };
  const templateFile = file("template");
  if (templateFile === undefined)
    throw new CommandMistake(
      `The folder ${folder} has no template.yaml or template.json, so it is no job bundle. Give a scene, a template or a bundle.`,
    );
  await refuseLinksOut(folder);
  const { template, problems } = await checkTemplateFile(templateFile);
  if (template === undefined) throw new CommandMistake(listProblems(templateFile, problems));
  if (!("steps" in template))
    throw new CommandMistake(`${templateFile} is an environment template, which has no steps.`);
  return {
    folder,
    templateFile,
    text: await readTemplateFile(templateFile),
    template,
    values: await readValues(file("parameter_values")),
    references: await readReferences(folder, file("asset_references")),
    ignoredFiles: names.filter((name) => /^hooks\.(yaml|json)$/.test(name)),
  };
}

async function readMap(file: string): Promise<Record<string, unknown>> {
  const { document, problems } = readTemplateText(await readTemplateFile(file));
  if (problems.length > 0) throw new CommandMistake(listProblems(file, problems));
  const map = plainMap(document);
  if (map === undefined) throw new CommandMistake(`${file} must be a map of keys and values.`);
  return map;
}

async function readValues(file: string | undefined): Promise<Bundle["values"]> {
  if (file === undefined) return [];
  const list = (await readMap(file))["parameterValues"];
  if (!Array.isArray(list)) throw new CommandMistake(`${file} needs a list called parameterValues.`);
  const seen = new Set<string>();
  return list.map((entry: unknown) => {
    const { name, value } = plainMap(entry) ?? {};
    if (typeof name !== "string" || value === undefined || value === null)
      throw new CommandMistake(`Each of parameterValues in ${file} needs a name and a value.`);
    if (seen.has(name))
      throw new CommandMistake(`${file} gives ${name} twice. Remove the one that is not meant.`);
    seen.add(name);
    return { name, value };
  });
}

async function readReferences(folder: string, file: string | undefined): Promise<AssetReferences> {
  if (file === undefined) return { inputFiles: [], inputFolders: [], outputFolders: [], referenced: [] };
  const map = await readMap(file);
  const all = part(file, map, "assetReferences");
  const inputs = part(file, all, "inputs");
  const list = (from: Record<string, unknown>, key: string): string[] => {
    const value = from[key] ?? [];
    if (!Array.isArray(value) || !value.every((one) => typeof one === "string" && one !== ""))
      throw new CommandMistake(`${key} in ${file} must be a list of paths.`);
    return [...new Set(value.map((one: string) => resolve(folder, one)))];
  };
  return {
    inputFiles: list(inputs, "filenames"),
    inputFolders: list(inputs, "directories"),
    outputFolders: list(part(file, all, "outputs"), "directories"),
    referenced: list(all, "referencedPaths"),
  };
}

function part(file: string, map: Record<string, unknown>, key: string): Record<string, unknown> {
  const value = map[key];
  if (value === undefined || value === null) return {};
  const found = plainMap(value);
  if (found === undefined) throw new CommandMistake(`${key} in ${file} must be a map of keys and values.`);
  return found;
}

/** A bundle travels as a whole: a link out of it would send files that nobody named. */
async function refuseLinksOut(folder: string): Promise<void> {
  const root = await realpath(folder);
  const out: string[] = [];
  const waiting = [folder];
  let entries = 0;
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    // oxlint-disable no-await-in-loop -- one folder after another, so that memory stays flat
    const found = await readdir(at, { withFileTypes: true }).catch(() => []);
    entries += found.length;
    if (entries > mostEntries)
      throw new CommandMistake(
        `${folder} holds more than ${mostEntries.toLocaleString("en-US")} files, too many for a job bundle. Keep data in folders of its own and name them in asset_references.`,
      );
    for (const entry of found) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) waiting.push(path);
      else if (entry.isSymbolicLink() && !(await leadsInside(path, root))) out.push(relative(folder, path));
    }
    // oxlint-enable no-await-in-loop
  }
  if (out.length === 0) return;
  const shown = out.slice(0, 10).map((one) => `  ${one}`);
  if (out.length > 10) shown.push(`  and ${out.length - 10} more`);
  throw new CommandMistake(
    `The bundle ${folder} has links that lead out of it:\n${shown.join("\n")}\nPut the files themselves there, or name them in asset_references.`,
  );
}

async function leadsInside(link: string, root: string): Promise<boolean> {
  const target = await realpath(link).catch(() => undefined);
  // A link to nothing is found again, with its own sentence, where a file is needed.
  if (target === undefined) return (await stat(link).catch(() => undefined)) === undefined;
  return target === root || target.startsWith(root + sep);
}
