// From a template's text to its form, or to what is wrong with it; loaded only when somebody submits.
import { readTemplateText } from "../../openjd/document.ts";
import { checkJobTemplate } from "../../openjd/template.ts";
import type { ParameterDefinition } from "../../openjd/types.ts";
import { groupsOf, type FieldGroup } from "./fields.ts";

export interface ReadTemplate {
  name: string;
  description: string;
  steps: readonly string[];
  definitions: readonly ParameterDefinition[];
  groups: readonly FieldGroup[];
}

export interface TemplateReading {
  template: ReadTemplate | null;
  /** Where and what; the place as `steps[0].script`, empty for the whole text. */
  problems: readonly { where: string; detail: string }[];
}

/** Reads an OpenJD job template, YAML 1.2 or JSON. Never throws. */
export function readTemplate(text: string): TemplateReading {
  const read = readTemplateText(text);
  const checked = read.problems.length > 0 ? { problems: [] } : checkJobTemplate(read.document);
  const problems = [...read.problems, ...checked.problems].map(({ path, message }) => ({
    where: path,
    detail: message,
  }));
  if (!("template" in checked) || checked.template === undefined) return { template: null, problems };
  const { name, description = "", steps, parameterDefinitions = [] } = checked.template;
  return {
    template: {
      name,
      description: description.trim(),
      steps: steps.map((step) => step.name),
      definitions: parameterDefinitions,
      groups: groupsOf(parameterDefinitions),
    },
    problems,
  };
}
