// Host requirements: the amounts and attributes that a worker must have to run a step.
import { compareNumbers, isDecimal, numberText } from "./numbers.ts";
import { asFormatString, type Scope } from "./scope.ts";
import {
  asList,
  asMap,
  asText,
  complain,
  eachOf,
  named,
  refuseTwins,
  shorten,
  type Spot,
  type TextRule,
} from "./spot.ts";
import type { AmountRequirement, AttributeRequirement, HostRequirements } from "./types.ts";

const MAX_REQUIREMENTS = 50;
const MAX_VALUES = 50;
const RESERVED = ["worker", "job", "step", "task"];
const AMOUNTS = [
  "amount.worker.vcpu",
  "amount.worker.memory",
  "amount.worker.gpu",
  "amount.worker.gpu.memory",
  "amount.worker.disk.scratch",
];
const ATTRIBUTES: Record<string, readonly string[]> = {
  "attr.worker.os.family": ["linux", "windows", "macos"],
  "attr.worker.cpu.arch": ["x86_64", "arm64"],
};
const VALUE: TextRule = { min: 1 };
const VALUE_PATTERN = /^[A-Za-z_][A-Za-z0-9_-]*$/;
const MAX_VALUE_LENGTH = 100;

/** Reads a step's host requirements; attribute values may be format strings. */
export function readHostRequirements(spot: Spot, scope: Scope): HostRequirements | undefined {
  const fields = asMap(spot, [], ["amounts", "attributes"]);
  if (fields === undefined) return undefined;
  const [amountsSpot, attributesSpot] = [fields("amounts"), fields("attributes")];
  if (amountsSpot === undefined && attributesSpot === undefined) {
    return complain(spot, "Host requirements need amounts, attributes or both.");
  }
  const amountItems = amountsSpot && asList(amountsSpot, 0);
  const attributeItems = attributesSpot && asList(attributesSpot, 0);
  const wanted = (amountItems?.length ?? 0) + (attributeItems?.length ?? 0);
  if (wanted === 0) complain(spot, "Host requirements need at least one amount or attribute.");
  if (wanted > MAX_REQUIREMENTS) {
    complain(spot, `A step may have at most ${MAX_REQUIREMENTS} requirements.`);
  }
  refuseTwins(amountItems, "amounts", (name) => name.toLowerCase());
  refuseTwins(attributeItems, "attributes", (name) => name.toLowerCase());
  const amounts = eachOf(amountItems, readAmount);
  const attributes = eachOf(attributeItems, (item) => readAttribute(item, scope));
  return { ...(amounts && { amounts }), ...(attributes && { attributes }) };
}

/**
 * Checks the values of an attribute after references were put in.
 * @returns one plain sentence about the first wrong value, or undefined.
 */
export function attributeValueMistake(name: string, value: string): string | undefined {
  if (value.length > MAX_VALUE_LENGTH || !VALUE_PATTERN.test(value)) {
    return `"${shorten(value)}" cannot be the value of an attribute: use up to ${MAX_VALUE_LENGTH} letters, digits, _ and -, not beginning with a digit.`;
  }
  const allowed = ATTRIBUTES[name.toLowerCase()];
  if (allowed !== undefined && !allowed.includes(value.toLowerCase())) {
    return `"${shorten(value)}" is not known for ${name}. Use ${allowed.join(" or ")}.`;
  }
  return undefined;
}

function readAmount(spot: Spot): AmountRequirement | undefined {
  const fields = asMap(spot, ["name"], ["min", "max"]);
  if (fields === undefined) return undefined;
  const [nameSpot, minSpot, maxSpot] = [fields("name"), fields("min"), fields("max")];
  const name = nameSpot && readName(nameSpot, "amount", AMOUNTS);
  if (minSpot === undefined && maxSpot === undefined) complain(spot, "An amount needs min, max or both.");
  const min = minSpot && asDecimal(minSpot);
  const max = maxSpot && asDecimal(maxSpot);
  if (minSpot && min !== undefined && Number(min) < 0) complain(minSpot, '"min" must not be negative.');
  if (maxSpot && max !== undefined && Number(max) <= 0) complain(maxSpot, '"max" must be more than 0.');
  if (min !== undefined && max !== undefined && compareNumbers(min, max) > 0) {
    complain(spot, `"min" (${min}) is more than "max" (${max}).`);
  }
  return name === undefined
    ? undefined
    : { name, ...(min !== undefined && { min }), ...(max !== undefined && { max }) };
}

/** Reads a finite decimal number, as number or as text. */
export function asDecimal(spot: Spot): string | undefined {
  const text = typeof spot.value === "string" ? spot.value.trim() : numberText(spot.value);
  return text !== undefined && isDecimal(text) ? text : complain(spot, `${named(spot)} must be a number.`);
}

function readAttribute(spot: Spot, scope: Scope): AttributeRequirement | undefined {
  const fields = asMap(spot, ["name"], ["anyOf", "allOf"]);
  if (fields === undefined) return undefined;
  const [nameSpot, anySpot, allSpot] = [fields("name"), fields("anyOf"), fields("allOf")];
  const name = nameSpot && readName(nameSpot, "attr", Object.keys(ATTRIBUTES));
  if (anySpot === undefined && allSpot === undefined)
    complain(spot, "An attribute needs anyOf, allOf or both.");
  const read = (values: Spot | undefined) =>
    values && eachOf(asList(values, 1, MAX_VALUES), (item) => readValue(item, name ?? "", scope));
  const anyOf = read(anySpot);
  const allOf = read(allSpot);
  if (
    allSpot &&
    name !== undefined &&
    Object.hasOwn(ATTRIBUTES, name.toLowerCase()) &&
    (allOf?.length ?? 0) > 1
  ) {
    complain(allSpot, `A worker has only one ${name}, so allOf can ask for one value only. Use anyOf.`);
  }
  return name === undefined ? undefined : { name, ...(anyOf && { anyOf }), ...(allOf && { allOf }) };
}

function readValue(spot: Spot, name: string, scope: Scope): string | undefined {
  const text = asFormatString(spot, scope, VALUE);
  if (text === undefined || text.includes("{{")) return text;
  const mistake = attributeValueMistake(name, text);
  return mistake === undefined ? text : complain(spot, mistake);
}

function readName(spot: Spot, kind: "amount" | "attr", standard: readonly string[]): string | undefined {
  const name = asText(spot, {
    min: 1,
    max: 100,
    pattern: new RegExp(`^([A-Za-z_][A-Za-z0-9_]*:)?${kind}(\\.[A-Za-z_][A-Za-z0-9_]*)+$`, "i"),
    shape: `${kind}. and names of letters, digits and _, separated by dots`,
  });
  if (name === undefined) return undefined;
  const plain = name.toLowerCase().replace(/^[^:]*:/, "");
  const scope = plain.split(".")[1] ?? "";
  if (RESERVED.includes(scope) && !standard.includes(plain)) {
    return complain(
      spot,
      `"${name}" is not defined: names beginning with ${kind}.${scope} are reserved for Open Job Description.`,
    );
  }
  return name;
}
