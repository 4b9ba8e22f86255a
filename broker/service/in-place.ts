// Looks at submit for the files and folders that a job reads where they lie: a path that leads nowhere would fail every frame.
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import type { Submit } from "../contract/job.ts";
import { nearest } from "../contract/nearest.ts";
import { sequenceNames } from "../contract/sequence-names.ts";
import { localName, systemOf } from "../domain/shared-roots.ts";
import { isAbsolute } from "../openjd/bind.ts";
import type { ParameterDefinition, ParameterValue, PathParameterDefinition } from "../openjd/types.ts";
import type { Broker } from "./broker.ts";
import type { Mistake } from "./mistakes.ts";

/** In a folder with more names than these nobody looks for the one that was meant. */
const comparedNames = 2000;

/**
 * What is wrong with the paths that are read where they lie, at most one mistake a parameter. Files that travel are not
 * looked for, nor are empty values.
 */
export async function missingInPlace(
  { sharedRoots }: Pick<Broker, "sharedRoots">,
  body: Submit,
  definitions: readonly ParameterDefinition[],
  parameters: Readonly<Record<string, ParameterValue>>,
): Promise<Mistake[]> {
  const { filesInPlace, allowMissing } = body.settings;
  // Whoever sent a list of files looked for each of them, and workers find them elsewhere.
  if (!filesInPlace || allowMissing || body.manifest !== undefined) return [];
  const found = await Promise.all(
    definitions.map(async (definition) => {
      const value = parameters[definition.name]?.value ?? "";
      if (definition.type !== "PATH" || definition.dataFlow !== "IN" || value === "") return [];
      const detail =
        relativePath(definition, body) ??
        (await mistakeAt(localName(value, sharedRoots, systemOf(process.platform)), definition));
      if (detail === undefined) return [];
      const { name } = definition;
      return [{ pointer: `parameters.${name}`, detail, sentence: `${name}: ${detail}` }];
    }),
  );
  return found.flat();
}

/** A path counts from the folder of whoever submits or of the template; without one of these it must be a full one. */
function relativePath(definition: PathParameterDefinition, body: Submit): string | undefined {
  const { name } = definition;
  const isGiven = Object.hasOwn(body.parameters, name);
  const text = String(isGiven ? body.parameters[name] : definition.default);
  const folder = isGiven ? body.currentDirectory : body.templateDirectory;
  if (isAbsolute(text) || folder !== undefined) return undefined;
  const last = basename(text.replaceAll("\\", "/")) || "name";
  return `"${text.slice(0, 200)}" is no full path. Begin at the root of the disk, for example ${process.platform === "win32" ? "C:\\shots\\" : "/shots/"}${last}.`;
}

async function mistakeAt(path: string, { objectType }: PathParameterDefinition): Promise<string | undefined> {
  try {
    const info = await stat(path);
    if (objectType === "FILE" && info.isDirectory()) return `${path} is a folder. Give a file.`;
    if (objectType === "DIRECTORY" && !info.isDirectory()) return `${path} is a file. Give a folder.`;
    return undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR")
      return `${path} cannot be read on the broker's machine (${code ?? "no such name"}). Check its name and permissions.`;
  }
  const names = await readdir(dirname(path)).catch((): string[] => []);
  const isOfIt = objectType === "FILE" ? sequenceNames(basename(path)) : undefined;
  if (isOfIt !== undefined && names.some(isOfIt)) return undefined;
  const what = objectType === "FILE" ? "file" : objectType === "DIRECTORY" ? "folder" : "file or folder";
  return `There is no ${what} ${path} on the broker's machine. ${similar(path, names)}`;
}

function similar(path: string, names: readonly string[]): string {
  const kind = extname(path).toLowerCase();
  const alike = names.filter((name) => extname(name).toLowerCase() === kind);
  const meant = alike.length > comparedNames ? undefined : nearest(basename(path), alike);
  return meant === undefined ? "Check its name and folder." : `Did you mean ${join(dirname(path), meant)}?`;
}
