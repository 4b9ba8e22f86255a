// Job parameter definitions: reading them, and the rules that a value of one must keep.
import { DESCRIPTION, IDENTIFIER, MAX_VALUE } from "./names.ts";
import { compareNumbers, fitsInt64, isDecimal, numberText, parseInteger } from "./numbers.ts";
import {
  asChoice,
  asList,
  asMap,
  asText,
  characters,
  complain,
  eachOf,
  named,
  plainMap,
  refuseTwins,
  shorten,
  type Spot,
} from "./spot.ts";
import type {
  NumberParameterDefinition,
  ParameterDefinition,
  ParameterType,
  PathParameterDefinition,
  StringParameterDefinition,
} from "./types.ts";
import { readNumberInterface, readPathInterface, readStringInterface } from "./user-interface.ts";

const MAX_PARAMETERS = 50;
const COMMON = ["description", "default", "allowedValues", "userInterface"];

/** Reads the parameter definitions of a job or environment template. */
export function readParameterDefinitions(spot: Spot): ParameterDefinition[] | undefined {
  const items = asList(spot, 1, MAX_PARAMETERS);
  refuseTwins(items, "parameters");
  return eachOf(items, readParameterDefinition);
}

/** Reads one value of a parameter's type: its text, or a problem. Sizes and allowed values are not checked. */
export function asParameterValue(spot: Spot, type: ParameterType): string | undefined {
  if (type === "STRING" || type === "PATH") return asText(spot, { max: MAX_VALUE, control: "all" });
  const text = typeof spot.value === "string" ? spot.value.trim() : numberText(spot.value);
  if (type === "FLOAT") {
    return text !== undefined && isDecimal(text) ? text : complain(spot, `${named(spot)} must be a number.`);
  }
  const value = text === undefined ? undefined : parseInteger(text);
  if (value === undefined) return complain(spot, `${named(spot)} must be a whole number.`);
  return fitsInt64(value)
    ? value.toString()
    : complain(spot, `${named(spot)} is too large: it must fit 64 bits.`);
}

/**
 * Checks a value against bounds and allowed values of its definition.
 * @returns one plain sentence about the first broken rule, or undefined.
 */
export function valueMistake(definition: ParameterDefinition, value: string): string | undefined {
  const shown = `"${shorten(value)}"`;
  const { allowedValues } = definition;
  if (definition.type === "STRING" || definition.type === "PATH") {
    const length = characters(value);
    const { minLength, maxLength } = definition;
    if (minLength !== undefined && length < minLength)
      return `${shown} is shorter than ${minLength} characters.`;
    if (maxLength !== undefined && length > maxLength)
      return `${shown} is longer than ${maxLength} characters.`;
    if (allowedValues !== undefined && !allowedValues.includes(value))
      return notAllowed(shown, allowedValues);
    return undefined;
  }
  const { minValue, maxValue } = definition;
  if (minValue !== undefined && compareNumbers(value, minValue) < 0)
    return `${value} is less than ${minValue}, the smallest allowed value.`;
  if (maxValue !== undefined && compareNumbers(value, maxValue) > 0)
    return `${value} is more than ${maxValue}, the largest allowed value.`;
  if (allowedValues !== undefined && !allowedValues.some((allowed) => compareNumbers(allowed, value) === 0)) {
    return notAllowed(value, allowedValues);
  }
  return undefined;
}

function notAllowed(shown: string, allowed: string[]): string {
  const some = allowed.slice(0, 10).join(", ");
  return `${shown} is not one of the allowed values: ${some}${allowed.length > 10 ? ", …" : ""}.`;
}

function readParameterDefinition(spot: Spot): ParameterDefinition | undefined {
  const type = plainMap(spot.value)?.type;
  const own =
    type === "STRING"
      ? ["minLength", "maxLength"]
      : type === "PATH"
        ? ["minLength", "maxLength", "objectType", "dataFlow"]
        : ["minValue", "maxValue"];
  const fields = asMap(spot, ["name", "type"], [...COMMON, ...own]);
  const [nameSpot, typeSpot] = [fields?.("name"), fields?.("type")];
  const name = nameSpot && asText(nameSpot, IDENTIFIER);
  const known = typeSpot && asChoice(typeSpot, ["STRING", "PATH", "INT", "FLOAT"]);
  if (fields === undefined || known === undefined) return undefined;
  const read = (key: string): string | undefined => {
    const place = fields(key);
    return place && asParameterValue(place, known);
  };
  const descriptionSpot = fields("description");
  const description = descriptionSpot && asText(descriptionSpot, DESCRIPTION);
  const allowedSpot = fields("allowedValues");
  const allowedItems = allowedSpot && asList(allowedSpot, 1);
  const allowedValues = eachOf(allowedItems, (item) => asParameterValue(item, known));
  const defaultValue = read("default");
  const base = {
    name: name ?? "",
    ...(description !== undefined && { description }),
    ...(allowedValues && { allowedValues }),
    ...(defaultValue !== undefined && { default: defaultValue }),
  };
  const definition: ParameterDefinition =
    known === "INT" || known === "FLOAT"
      ? { ...base, ...readNumberRules(fields, known, read, allowedSpot && allowedValues) }
      : { ...base, ...readTextRules(fields, known, allowedSpot && allowedValues) };
  checkOwnValues(definition, allowedItems ?? [], fields("default"));
  return name === undefined ? undefined : definition;
}

type FieldReader = NonNullable<ReturnType<typeof asMap>>;

function readNumberRules(
  fields: FieldReader,
  type: "INT" | "FLOAT",
  read: (key: string) => string | undefined,
  allowed: string[] | undefined,
): Omit<NumberParameterDefinition, "name"> {
  const minValue = read("minValue");
  const maxValue = read("maxValue");
  const maxSpot = fields("maxValue");
  if (maxSpot && minValue !== undefined && maxValue !== undefined && compareNumbers(minValue, maxValue) > 0) {
    complain(maxSpot, `"maxValue" (${maxValue}) is less than "minValue" (${minValue}).`);
  }
  const hints = fields("userInterface");
  const userInterface = hints && readNumberInterface(hints, type, allowed);
  return {
    type,
    ...(minValue !== undefined && { minValue }),
    ...(maxValue !== undefined && { maxValue }),
    ...(userInterface && { userInterface }),
  };
}

function readTextRules(
  fields: FieldReader,
  type: "STRING" | "PATH",
  allowed: string[] | undefined,
): Omit<StringParameterDefinition, "name"> | Omit<PathParameterDefinition, "name"> {
  const [minSpot, maxSpot, hints] = [fields("minLength"), fields("maxLength"), fields("userInterface")];
  const minLength = minSpot && readLength(minSpot, 0n);
  const maxLength = maxSpot && readLength(maxSpot, 1n);
  if (maxSpot && minLength !== undefined && maxLength !== undefined && minLength > maxLength) {
    complain(maxSpot, `"maxLength" (${maxLength}) is less than "minLength" (${minLength}).`);
  }
  const lengths = {
    ...(minLength !== undefined && { minLength }),
    ...(maxLength !== undefined && { maxLength }),
  };
  if (type === "STRING") {
    const userInterface = hints && readStringInterface(hints, allowed);
    return { type, ...lengths, ...(userInterface && { userInterface }) };
  }
  const [objectSpot, flowSpot] = [fields("objectType"), fields("dataFlow")];
  const objectType = objectSpot && asChoice(objectSpot, ["FILE", "DIRECTORY"]);
  const dataFlow = flowSpot && asChoice(flowSpot, ["NONE", "IN", "OUT", "INOUT"]);
  const userInterface = hints && readPathInterface(hints, objectType, allowed);
  return {
    type,
    ...lengths,
    ...(objectType && { objectType }),
    ...(dataFlow && { dataFlow }),
    ...(userInterface && { userInterface }),
  };
}

function readLength(spot: Spot, min: bigint): number | undefined {
  const value = parseInteger(numberText(spot.value) ?? "");
  if (value === undefined || value < min) {
    return complain(spot, `${named(spot)} must be a whole number of ${min} or more, without quotes.`);
  }
  // No value is longer than 1024 characters, so a length past the safe integers means the same.
  return Number(value > BigInt(Number.MAX_SAFE_INTEGER) ? BigInt(Number.MAX_SAFE_INTEGER) : value);
}

/** The default and each allowed value must themselves keep the definition's rules. */
function checkOwnValues(
  definition: ParameterDefinition,
  allowedItems: Spot[],
  defaultSpot: Spot | undefined,
): void {
  const { allowedValues, ...unlimited } = definition;
  if (allowedValues?.length === allowedItems.length) {
    allowedItems.forEach((item, index) => {
      const mistake = valueMistake(unlimited, allowedValues[index] ?? "");
      if (mistake !== undefined) complain(item, mistake);
    });
  }
  const mistake = definition.default === undefined ? undefined : valueMistake(definition, definition.default);
  if (defaultSpot && mistake !== undefined) complain(defaultSpot, mistake);
}
