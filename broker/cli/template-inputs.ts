// What a template reads: the files and folders of its PATH parameters that go in.
import { readdirSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { sequenceNames } from "../contract/sequence-names.ts";
import type { JobTemplate, ParameterValue, PathParameterDefinition } from "../openjd/types.ts";
import type { InputPart } from "./submit-files.ts";

export interface TemplateInputs {
  parts: InputPart[];
  /** A sentence for each file that is not here. */
  missing: string[];
  notes: string[];
}

/**
 * Looks for the inputs of every parameter. A file is missing where there is none; a folder that is not there is taken
 * for one that the workers have. A name with `####` or `%04d` means all pictures of the sequence.
 */
export function readInputParts(
  template: JobTemplate,
  parameters: Readonly<Record<string, ParameterValue>>,
): TemplateInputs {
  const inputs: TemplateInputs = { parts: [], missing: [], notes: [] };
  for (const definition of template.parameterDefinitions ?? []) {
    const value = parameters[definition.name]?.value;
    if (definition.type !== "PATH" || value === undefined || value === "") continue;
    if (definition.dataFlow !== "IN" && definition.dataFlow !== "INOUT") continue;
    readOne(definition, resolve(value), inputs);
  }
  return inputs;
}

function readOne(
  { name, objectType, dataFlow }: PathParameterDefinition,
  path: string,
  inputs: TemplateInputs,
): void {
  const info = statSync(path, { throwIfNoEntry: false });
  // What it is counts more than what the template calls it.
  if (info?.isDirectory()) inputs.parts.push({ group: name, files: [], folders: [path] });
  else if (info !== undefined) inputs.parts.push({ group: name, files: [path], folders: [] });
  else if (objectType === "FILE") {
    const files = sequenceFiles(path);
    // The pattern itself must be mapped, so its folder appears as one.
    if (files.length > 0) inputs.parts.push({ group: name, files, folders: [], keepsFolders: true });
    else inputs.missing.push(`${name}: there is no file ${path}.`);
  } else if (dataFlow === "IN")
    inputs.notes.push(`${name}: the folder ${path} is not here, so it is not sent; a worker must have it.`);
}

/** The files that a name with one `####` or `%04d` means, in order; none where the name has neither. */
export function sequenceFiles(path: string): string[] {
  const isOfIt = sequenceNames(basename(path));
  if (isOfIt === undefined) return [];
  let names: string[];
  try {
    names = readdirSync(dirname(path));
  } catch {
    // No folder, no files: the caller says so.
    return [];
  }
  return names
    .filter(isOfIt)
    .toSorted()
    .map((name) => join(dirname(path), name));
}
