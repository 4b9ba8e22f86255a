// What is sent for a filled-in form: the same as `tally submit` sends for the same template and values.
import type { SubmitInput } from "../../contract/job.ts";
import { soleParameter } from "../../openjd/format-string.ts";
import { isFullPath, parametersOf } from "./fields.ts";
import type { ReadTemplate } from "./document.ts";

/** Tally's own settings as the form has them: text, as it was typed. */
export interface SettingsForm {
  name: string;
  priority: string;
  pool: string;
  maxRetries: string;
  order: "in-order" | "every-nth" | "first-middle-last";
  paused: boolean;
  /** Input files are read where they lie, by workers of the broker's own machine. */
  inPlace: boolean;
}

export const emptySettings: SettingsForm = {
  name: "",
  priority: "",
  pool: "",
  maxRetries: "",
  order: "in-order",
  paused: false,
  inPlace: true,
};

export type TemplateSource = { templateName: string } | { template: string };

/** The whole submission. */
export function bodyOf(
  source: TemplateSource,
  template: ReadTemplate,
  values: Readonly<Record<string, string>>,
  settings: SettingsForm,
): SubmitInput {
  const parameters = placed(template, parametersOf(template.groups, values));
  const output = parameters["Output"];
  const pattern = output?.includes("#") && isFullPath(output) ? output : undefined;
  const folders = new Set(outputFolders(template, parameters));
  // By custom of the templates that come with Tally: `Output` is where the pictures go.
  if (output !== undefined && isFullPath(output)) folders.add(folderOf(output));
  // Without it Blender saves below the scene's own folder, as a render at home does.
  const scene = parameters["Scene"];
  if (scene !== undefined && isFullPath(scene)) folders.add(folderOf(scene));
  return {
    ...source,
    parameters,
    settings: {
      ...(settings.name.trim() !== "" && !asksForName(template) && { name: settings.name.trim() }),
      ...(settings.priority !== "" && { priority: Number(settings.priority) }),
      ...(settings.maxRetries !== "" && { maxRetries: Number(settings.maxRetries) }),
      ...(settings.pool !== "" && { pool: settings.pool }),
      ...(settings.order !== "in-order" && { order: settings.order }),
      ...(settings.paused && { paused: true }),
      ...(settings.inPlace && readsFiles(template) && { filesInPlace: true }),
      ...(pattern !== undefined && { outputPattern: pattern }),
      ...(folders.size > 0 && { outputFolders: [...folders] }),
    },
  };
}

/** A film is made of the pictures that this job renders: they go where it looks for them. */
function placed(template: ReadTemplate, parameters: Record<string, string>): Record<string, string> {
  const { Pictures, Output = "" } = parameters;
  const hasOutput = template.definitions.some(({ name }) => name === "Output");
  return hasOutput && Pictures !== undefined && Output === ""
    ? { ...parameters, Output: Pictures }
    : parameters;
}

/** The template has a field of its own for the job's name: a second one would only hide it. */
export function asksForName({ name, groups }: Pick<ReadTemplate, "name" | "groups">): boolean {
  const parameter = soleParameter(name);
  return groups.some(({ fields }) => fields.some((field) => field.name === parameter));
}

/** The template reads files or folders of a person. */
export function readsFiles({ definitions }: ReadTemplate): boolean {
  return definitions.some(
    (one) => one.type === "PATH" && (one.dataFlow === "IN" || one.dataFlow === "INOUT"),
  );
}

function outputFolders(template: ReadTemplate, parameters: Readonly<Record<string, string>>): string[] {
  return template.definitions.flatMap((one) => {
    const value = parameters[one.name];
    if (one.type !== "PATH" || value === undefined || !isFullPath(value)) return [];
    if (one.dataFlow !== "OUT" && one.dataFlow !== "INOUT") return [];
    return [one.objectType === "FILE" ? folderOf(value) : value];
  });
}

function folderOf(path: string): string {
  const at = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  return at <= 0 ? path.slice(0, 1) : path.slice(0, at);
}

/** A word for one submission, so that a second press on the button is not a second job. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `page-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}
