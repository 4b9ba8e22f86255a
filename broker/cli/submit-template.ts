// From a job template and parameters to a job.
import { dirname, isAbsolute, resolve } from "node:path";
import type { Answer, Client } from "../contract/client.ts";
import type { SubmitInput } from "../contract/job.ts";
import { planJob } from "../openjd/job.ts";
import { readTemplateText } from "../openjd/document.ts";
import { checkJobTemplate } from "../openjd/template.ts";
import { bindParameters } from "../openjd/bind.ts";
import type { JobTemplate } from "../openjd/types.ts";
import { usage } from "./arguments.ts";
import { Failure } from "./failure.ts";
import { describeFrames, formatFrames, parseFrames, type Frames } from "./frames.ts";
import { frameFile } from "./humane.ts";
import { readInputParts } from "./template-inputs.ts";
import { readFramesFlag, readSettings, refuseSceneFlags, type SubmitValues } from "./submit-flags.ts";
import type { Prepared } from "./prepared.ts";
import type { InputPart } from "./submit-files.ts";
import { listProblems, loadJobTemplate, readParameterArguments, readTemplateFile } from "./template-files.ts";

/** Prepares a template file. Throws CommandMistake or Failure with every problem. */
export async function prepareTemplateFile(file: string, values: SubmitValues): Promise<Prepared> {
  refuseSceneFlags(values);
  const template = await loadJobTemplate(file);
  const source = { template: await readTemplateFile(file), templateDirectory: dirname(resolve(file)) };
  return prepareTemplate(template, source, values);
}

/** Prepares a template that came with the broker. */
export async function prepareNamedTemplate(
  client: Client,
  name: string,
  values: SubmitValues,
): Promise<Prepared> {
  refuseSceneFlags(values);
  const { text } = await client.call<Answer<"getTemplate">>(
    "get",
    `/v1/templates/${encodeURIComponent(name)}`,
  );
  const { document, problems } = readTemplateText(text);
  const checked = checkJobTemplate(document);
  const wrong = [...problems, ...checked.problems];
  if (checked.template === undefined) throw new Failure(listProblems(name, wrong));
  return prepareTemplate(checked.template, { templateName: name }, values);
}

/** What a bundle adds to its template. */
export interface Additions {
  parameters: Record<string, unknown>;
  settings: Partial<NonNullable<SubmitInput["settings"]>>;
  inputs: InputPart[];
  outputFolders: string[];
  notes: string[];
}

/** From a checked template, flags and what a bundle adds to a job. Throws a Failure with every problem. */
export async function prepareTemplate(
  template: JobTemplate,
  source: { template: string; templateDirectory: string } | { templateName: string },
  values: SubmitValues,
  more: Additions = { parameters: {}, settings: {}, inputs: [], outputFolders: [], notes: [] },
): Promise<Prepared> {
  const given = { ...more.parameters, ...(await readParameterArguments(values.parameter ?? [])) };
  const names = (template.parameterDefinitions ?? []).map(({ name }) => name);
  const notes: string[] = [...more.notes];
  const frames = readFramesFlag(values);
  if (frames !== undefined) {
    given["Frames"] = formatFrames(frames);
    notes.push(describeFrames(frames));
    if (!names.includes("Frames")) throw noParameter("--frames", "Frames");
  }
  if (values.output !== undefined) {
    given["Output"] = values.output;
    if (!names.includes("Output")) throw noParameter("-o", "Output");
  }
  const where = {
    templateDirectory: "templateDirectory" in source ? source.templateDirectory : process.cwd(),
    currentDirectory: process.cwd(),
  };
  const bound = bindParameters(template, [], given, where);
  if (bound.problems.length > 0) throw new Failure(bound.problems.map(({ message }) => message).join("\n"));
  const read = readInputParts(template, bound.parameters);
  if (read.missing.length > 0 && !values["allow-missing"])
    throw new Failure(
      `${read.missing.join("\n")}\nCheck the name and folder, or go on all the same, when the workers have it: --allow-missing.`,
    );
  notes.push(...read.notes);
  const parts = [...read.parts, ...more.inputs];
  const { job, problems } = planJob(template, bound.parameters);
  if (job === undefined) throw new Failure(listProblems("The job", problems));

  // By custom of the templates that come with Tally: `Output` is where the files go, #### is the frame.
  const output = bound.parameters["Output"]?.value;
  const pattern = typeof output === "string" && output !== "" ? resolve(output) : undefined;
  const folders = new Set(pattern === undefined ? [] : [dirname(pattern)]);
  for (const definition of template.parameterDefinitions ?? []) {
    const value = bound.parameters[definition.name]?.value;
    if (definition.type !== "PATH" || typeof value !== "string" || value === "") continue;
    if (definition.dataFlow !== "OUT" && definition.dataFlow !== "INOUT") continue;
    folders.add(definition.objectType === "FILE" ? dirname(value) : value);
  }
  for (const folder of more.outputFolders) folders.add(folder);
  const edge = pattern?.includes("#") ? (frames ?? framesOf(bound.parameters["Frames"]?.value)) : undefined;
  return {
    body: {
      ...source,
      currentDirectory: process.cwd(),
      // As they were bound: numbers of 64 bits and paths that are absolute.
      parameters: {
        ...Object.fromEntries(Object.keys(given).map((name) => [name, bound.parameters[name]?.value ?? ""])),
        ...(pattern !== undefined && !isAbsolute(String(output)) && { Output: pattern }),
      },
      settings: {
        ...more.settings,
        ...readSettings(values),
        ...(pattern?.includes("#") && { outputPattern: pattern }),
        outputFolders: [...folders],
        ...(more.outputFolders.length > 0 && { resultFolders: more.outputFolders }),
      },
    },
    inputs: { parts },
    staysByItself: false,
    notes,
    files:
      edge === undefined || pattern === undefined
        ? null
        : { first: frameFile(pattern, edge[0] ?? 0), last: frameFile(pattern, edge.at(-1) ?? 0) },
    film: null,
    blender: null,
    taskCount: job.steps.reduce((sum, step) => sum + step.taskCount, 0),
    dispose: () => Promise.resolve(),
  };
}

/** The frames of a `Frames` parameter that was not given as a flag, where it can be read as such. */
function framesOf(value: unknown): Frames | undefined {
  try {
    return typeof value === "string" ? parseFrames(value) : undefined;
  } catch {
    // Another use of the name: the first and last file are then not said.
    return undefined;
  }
}

function noParameter(flag: string, name: string): Failure {
  return usage(
    "submit",
    `This template has no parameter ${name}, which ${flag} would set. Give its own with -p NAME=VALUE.`,
  );
}
