// From a Deadline Cloud job bundle to a job.
import { join, isAbsolute } from "node:path";
import { statSync } from "node:fs";
import { readBundle, type Bundle } from "./bundle.ts";
import { sortBundleValues } from "./bundle-settings.ts";
import { counted } from "./humane.ts";
import type { Prepared } from "./prepared.ts";
import { refuseSceneFlags, type SubmitValues } from "./submit-flags.ts";
import type { InputPart } from "./submit-files.ts";
import { prepareTemplate } from "./submit-template.ts";

/** Prepares a bundle. Throws CommandMistake or Failure with every problem. */
export async function prepareBundle(folder: string, values: SubmitValues): Promise<Prepared> {
  refuseSceneFlags(values);
  const bundle = await readBundle(folder);
  const definitions = bundle.template.parameterDefinitions ?? [];
  const sorted = sortBundleValues(
    bundle.values,
    definitions.map(({ name }) => name),
  );
  const parameters = { ...sorted.parameters };
  for (const { name, type } of definitions) {
    const value = parameters[name];
    // Relative paths in a bundle begin at the bundle; those that are typed, where they are typed.
    if (type === "PATH" && typeof value === "string" && value !== "" && !isAbsolute(value))
      parameters[name] = join(bundle.folder, value);
  }
  const notes = [
    ...sorted.notes,
    ...bundle.ignoredFiles.map((name) => `Left out: ${name}. Tally runs no hooks.`),
  ];
  return prepareTemplate(
    bundle.template,
    { template: bundle.text, templateDirectory: bundle.folder },
    values,
    {
      parameters,
      settings: sorted.settings,
      inputs: referencedInputs(bundle, notes),
      outputFolders: bundle.references.outputFolders,
      notes,
    },
  );
}

/** Files and folders of asset_references; a folder that is not there is taken as one that the workers have. */
function referencedInputs({ references }: Bundle, notes: string[]): InputPart[] {
  const { inputFiles, inputFolders, referenced } = references;
  const folders = inputFolders.filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
  const missing = inputFolders.filter((path) => !folders.includes(path));
  for (const path of missing)
    notes.push(`The input folder ${path} is not here, so it is not sent; a worker must have it.`);
  if (referenced.length > 0)
    notes.push(`${counted(referenced.length, "referenced path")} not sent: a worker must have them.`);
  if (inputFiles.length + folders.length === 0) return [];
  return [{ files: inputFiles, folders }];
}
