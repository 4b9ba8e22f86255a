// Where a job may write, and what a step needs: derived from its template and the values of its parameters.
import { isAbsolute } from "node:path";
import { pathNames } from "../contract/manifest.ts";
import type { SharedRoot } from "../contract/system.ts";
import type { StepScript } from "../contract/worker.ts";
import { localName, systemOf } from "../domain/shared-roots.ts";
import { isWindowsPath } from "../openjd/path-mapping.ts";
import type { StepPlan } from "../openjd/job.ts";
import { environmentsOf } from "../openjd/job.ts";
import type { ParameterDefinition } from "../openjd/types.ts";
import type { PlannedJob } from "./plans.ts";

type Output = StepScript["outputs"][number];

/** PATH parameters of a job that its tasks may write to and that have a value, and the folders that it names itself. */
export function outputsOf({ template, environments, parameters, settings }: PlannedJob): Output[] {
  const definitions = new Map<string, ParameterDefinition>();
  for (const list of [...environments.map((one) => one.parameterDefinitions), template.parameterDefinitions])
    for (const one of list ?? []) definitions.set(one.name, one);
  const outputs: Output[] = [];
  for (const definition of definitions.values()) {
    const path = parameters[definition.name]?.value ?? "";
    if (definition.type !== "PATH" || path === "") continue;
    const { dataFlow, objectType = "DIRECTORY", name: parameter } = definition;
    if (dataFlow === "OUT" || dataFlow === "INOUT") outputs.push({ parameter, path, objectType, dataFlow });
  }
  // Jobs from before this setting have none.
  for (const path of settings.resultFolders ?? [])
    outputs.push({ parameter: "", path, objectType: "DIRECTORY", dataFlow: "OUT" });
  return outputs;
}

/** Parameters that a step's own text names: `Param.X` or `RawParam.X`, its environments and task parameters included. */
export function needsOf({ template, environments }: PlannedJob, { step }: StepPlan): string[] {
  const text = JSON.stringify([
    step.script,
    step.parameterSpace,
    environmentsOf(template, step),
    environments.map((one) => one.environment),
  ]);
  const names = text.matchAll(/\{\{\s*(?:Raw)?Param\.([A-Za-z_]\w*)\s*\}\}/g);
  return [...new Set([...names].map((match) => match[1] as string))].toSorted();
}

/** Names of a path whatever system spelled it; null when it is not absolute, or climbs. */
function namesOf(path: string): string[] | null {
  return pathNames(path, isWindowsPath(path) ? "windows" : "posix");
}

/** Tells of names whether they lie below a folder that a job may write to; shared roots count in every spelling. */
export function writeCheck(planned: PlannedJob, roots: readonly SharedRoot[]): (name: string) => boolean {
  const local = (path: string) => namesOf(localName(path, roots, systemOf(process.platform)));
  const folders = foldersOf(planned)
    .map(local)
    .filter((start) => start !== null);
  return (name) => {
    const names = isNormal(name) ? local(name) : null;
    if (!names) return false;
    return folders.some(
      (start) => start.length < names.length && start.every((one, at) => one === names[at]),
    );
  };
}

/** No doubled slash and none at the end: one file has one name. */
function isNormal(name: string): boolean {
  return !/[\\/]$/.test(name) && !/.(\/\/|\\\\)/.test(name);
}

/** Folders that files of a job may be brought home to: those it names, and those of its output parameters. */
function foldersOf(planned: PlannedJob): string[] {
  const folders = [...planned.settings.outputFolders];
  for (const { path, objectType } of outputsOf(planned))
    folders.push(objectType === "DIRECTORY" ? path : path.replace(/[\\/][^\\/]*$/, ""));
  return folders.filter((folder) => isAbsolute(folder) || isWindowsPath(folder));
}
