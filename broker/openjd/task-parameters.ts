// Parameter space definitions: task parameters, their ranges and the way they combine.
import { combinationNames, isZipped, parseCombination } from "./combination.ts";
import { IDENTIFIER, MAX_VALUE } from "./names.ts";
import { isDecimal, numberText, parseInteger } from "./numbers.ts";
import { parseRange } from "./range-expression.ts";
import { asFormatString, type Scope } from "./scope.ts";
import { asWhole } from "./script.ts";
import {
  asChoice,
  asList,
  asMap,
  asText,
  characters,
  complain,
  eachOf,
  plainMap,
  refuseTwins,
  type Spot,
} from "./spot.ts";
import type { ParameterSpaceDefinition, TaskParameterDefinition, TaskParameterType } from "./types.ts";

const MAX_PARAMETERS = 16;
const MAX_ITEMS = 1024;
const MAX_COMBINATION = 1280;

/** Reads a step's parameter space; `chunking` tells whether the template asked for TASK_CHUNKING. */
export function readParameterSpace(
  spot: Spot,
  scope: Scope,
  chunking: boolean,
): ParameterSpaceDefinition | undefined {
  const fields = asMap(spot, ["taskParameterDefinitions"], ["combination"]);
  const listSpot = fields?.("taskParameterDefinitions");
  const items = listSpot && asList(listSpot, 1, MAX_PARAMETERS);
  refuseTwins(items, "task parameters");
  const taskParameterDefinitions = eachOf(items, (item) => readTaskParameter(item, scope, chunking));
  const chunked = (taskParameterDefinitions ?? []).filter(({ type }) => type === "CHUNK[INT]");
  if (listSpot && chunked.length > 1) complain(listSpot, "A step can have only one CHUNK[INT] parameter.");
  const combinationSpot = fields?.("combination");
  const combination = combinationSpot && asText(combinationSpot, { min: 1, max: MAX_COMBINATION });
  if (combinationSpot && combination !== undefined && taskParameterDefinitions?.length === items?.length) {
    checkCombination(combinationSpot, combination, taskParameterDefinitions ?? []);
  }
  return (
    taskParameterDefinitions && {
      taskParameterDefinitions,
      ...(combination !== undefined && { combination }),
    }
  );
}

/**
 * Checks one value of a task parameter after references were put in.
 * @returns one plain sentence about what is wrong, or undefined.
 */
export function taskValueMistake(type: TaskParameterType, value: string): string | undefined {
  if ((type === "INT" || type === "CHUNK[INT]") && parseInteger(value) === undefined) {
    return `"${value.slice(0, 40)}" is not a whole number.`;
  }
  if (type === "FLOAT" && !isDecimal(value)) return `"${value.slice(0, 40)}" is not a number.`;
  if (type === "PATH" && value === "") return "A path must not be empty.";
  if (characters(value) > MAX_VALUE) {
    return `A value has more than ${MAX_VALUE} characters.`;
  }
  return undefined;
}

function readTaskParameter(spot: Spot, scope: Scope, chunking: boolean): TaskParameterDefinition | undefined {
  const chunkType = plainMap(spot.value)?.type === "CHUNK[INT]";
  const fields = asMap(spot, ["name", "type", "range", ...(chunkType ? ["chunks"] : [])], []);
  const [nameSpot, typeSpot, rangeSpot] = [fields?.("name"), fields?.("type"), fields?.("range")];
  const name = nameSpot && asText(nameSpot, IDENTIFIER);
  if (typeSpot && chunkType && !chunking) {
    complain(
      typeSpot,
      'CHUNK[INT] needs the extension TASK_CHUNKING. Add "extensions: [TASK_CHUNKING]" to the template.',
    );
  }
  const type = typeSpot && asChoice(typeSpot, ["INT", "FLOAT", "STRING", "PATH", "CHUNK[INT]"]);
  const range = rangeSpot && type && readRange(rangeSpot, type, scope);
  const chunksSpot = chunkType ? fields?.("chunks") : undefined;
  const chunks = chunksSpot && readChunks(chunksSpot, scope);
  if (name === undefined || type === undefined || range === undefined) return undefined;
  return { name, type, range, ...(chunks && { chunks }) };
}

function readRange(spot: Spot, type: TaskParameterType, scope: Scope): string[] | string | undefined {
  if (typeof spot.value === "string" && (type === "INT" || type === "CHUNK[INT]")) {
    const text = asFormatString(spot, scope, { min: 1 });
    if (text === undefined || text.includes("{{")) return text;
    try {
      parseRange(text);
      return text;
    } catch (error) {
      return complain(spot, error instanceof Error ? error.message : String(error));
    }
  }
  return eachOf(asList(spot, 1, MAX_ITEMS), (item) => readItem(item, type, scope));
}

function readItem(spot: Spot, type: TaskParameterType, scope: Scope): string | undefined {
  const number = type === "STRING" || type === "PATH" ? undefined : numberText(spot.value);
  const text = number ?? asFormatString(spot, scope, { control: "all" });
  if (text === undefined || (number === undefined && text.includes("{{"))) return text;
  // Blanks around a number are forgiven, as the references forgive them.
  const value = type === "STRING" || type === "PATH" ? text : text.trim();
  const mistake = taskValueMistake(type, value);
  return mistake === undefined ? value : complain(spot, mistake);
}

function readChunks(spot: Spot, scope: Scope): TaskParameterDefinition["chunks"] | undefined {
  const fields = asMap(spot, ["defaultTaskCount", "rangeConstraint"], ["targetRuntimeSeconds"]);
  const [countSpot, constraintSpot, targetSpot] = [
    fields?.("defaultTaskCount"),
    fields?.("rangeConstraint"),
    fields?.("targetRuntimeSeconds"),
  ];
  const rangeConstraint = constraintSpot && asChoice(constraintSpot, ["CONTIGUOUS", "NONCONTIGUOUS"]);
  const defaultTaskCount = countSpot && readCount(countSpot, 1, scope);
  const targetRuntimeSeconds = targetSpot && readCount(targetSpot, 0, scope);
  if (rangeConstraint === undefined || defaultTaskCount === undefined) return undefined;
  return {
    defaultTaskCount,
    ...(targetRuntimeSeconds !== undefined && { targetRuntimeSeconds }),
    rangeConstraint,
  };
}

function readCount(spot: Spot, min: number, scope: Scope): string | undefined {
  if (typeof spot.value === "string" && spot.value.includes("{{")) return asFormatString(spot, scope);
  return asWhole(spot, min)?.toString();
}

function checkCombination(spot: Spot, text: string, parameters: TaskParameterDefinition[]): void {
  let combination;
  try {
    combination = parseCombination(text);
  } catch (error) {
    complain(spot, error instanceof Error ? error.message : String(error));
    return;
  }
  const used = combinationNames(combination);
  const names = parameters.map(({ name }) => name);
  const unknown = used.find((name) => !names.includes(name));
  const missing = names.find((name) => !used.includes(name));
  const twice = used.find((name, index) => used.indexOf(name) < index);
  if (unknown !== undefined)
    complain(spot, `The combination names "${unknown}", which is no task parameter of this step.`);
  if (missing !== undefined)
    complain(spot, `The combination leaves out "${missing}". Add it, for example with " * ${missing}".`);
  if (twice !== undefined)
    complain(spot, `The combination names "${twice}" twice. Name each parameter once.`);
  const chunked = parameters.find(({ type }) => type === "CHUNK[INT]");
  if (chunked !== undefined && isZipped(combination, chunked.name)) {
    complain(spot, `"${chunked.name}" is chunked and cannot stand in brackets. Use it in a product (*).`);
  }
}
