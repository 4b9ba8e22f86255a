// Parameter spaces: every task of a step computed from its ordinal, nothing expanded.
import { parseCombination, type Combination } from "./combination.ts";
import { resolveFormatString, soleParameter } from "./format-string.ts";
import { isDecimal, parseInteger } from "./numbers.ts";
import { parseRange, RangeMistake, rangeCount, rangeValue } from "./range-expression.ts";
import { taskValueMistake } from "./task-parameters.ts";
import type {
  ParameterSpaceDefinition,
  RangeConstraint,
  TaskParameterDefinition,
  TaskParameterValue,
} from "./types.ts";

/** How a step's chunked parameter is grouped; times are in seconds, 0 means "do not adapt". */
export interface ChunkRule {
  parameter: string;
  defaultTaskCount: number;
  targetRuntimeSeconds: number;
  rangeConstraint: RangeConstraint;
}

/** The tasks of a step before chunking. Memory does not grow with `count` where ranges are expressions. */
export interface ParameterSpace {
  readonly names: string[];
  readonly count: number;
  /** The values of one task, by ordinal from 0 in the order of the specification. Throws RangeError outside. */
  taskAt(ordinal: number): Record<string, TaskParameterValue>;
  readonly chunk?: ChunkRule;
  /** Where the chunked parameter stands in an ordinal: `ordinal = (before * length + index) * stride + after`. */
  readonly chunkAxis?: { length: number; stride: number; valueAt(index: number): bigint };
}

/** One parameter with its values behind an index. */
interface Axis {
  name: string;
  type: TaskParameterValue["type"];
  length: bigint;
  valueAt(index: bigint): string;
}

/** A combination whose parts know their lengths. `fill` writes the values of one index into a task. */
interface Block {
  length: bigint;
  fill(index: bigint, task: Map<string, string>): void;
}

/** A mistake in one field below the parameter space. */
export class SpaceError extends Error {
  readonly path: string;
  /** The text of the field as the template has it, where there is one. */
  readonly text: string | undefined;
  /** Mistakes of other fields that were found with it. */
  others: readonly SpaceError[] = [];
  constructor(path: string, message: string, text?: string, cause?: unknown) {
    super(message, { cause });
    this.path = path;
    this.text = text;
  }
}

/** The space of a step without task parameters: exactly one task without values. */
export const SINGLE_TASK: ParameterSpace = {
  names: [],
  count: 1,
  taskAt(ordinal) {
    checkOrdinal(ordinal, 1);
    return {};
  },
};

/**
 * Resolves a checked definition with what is known at job creation.
 * @throws SpaceError with the field below `parameterSpace` and one plain sentence; with those of other parameters.
 */
export function makeSpace(
  definition: ParameterSpaceDefinition,
  lookup: (name: string) => string | undefined,
): ParameterSpace {
  const axes = everyOne(
    definition.taskParameterDefinitions.map(
      (parameter, index) => () => makeAxis(parameter, lookup, `taskParameterDefinitions[${index}]`),
    ),
  );
  const combination = combine(definition, axes);
  const block = makeBlock(combination, new Map(axes.map((axis) => [axis.name, axis])));
  if (block.length > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new SpaceError("", `The step would have ${block.length} tasks. Make its ranges smaller.`);
  }
  const count = Number(block.length);
  const chunk = chunkRule(definition, lookup);
  const axis = chunk && chunkAxis(combination, axes, chunk.parameter);
  return {
    names: axes.map(({ name }) => name),
    count,
    taskAt(ordinal) {
      checkOrdinal(ordinal, count);
      const values = new Map<string, string>();
      block.fill(BigInt(ordinal), values);
      return Object.fromEntries(
        axes.map(({ name, type }) => [name, { type, value: values.get(name) ?? "" }]),
      );
    },
    ...(chunk && { chunk }),
    ...(axis && { chunkAxis: axis }),
  };
}

function makeAxis(
  parameter: TaskParameterDefinition,
  lookup: (name: string) => string | undefined,
  path: string,
): Axis {
  const { name, type, range } = parameter;
  if (typeof range === "string") {
    const read = () => parseRange(resolveFormatString(range, lookup));
    const values = attempt(`${path}.range`, read, range, isFrames(parameter));
    const valueAt = (index: bigint) => String(rangeValue(values, index));
    return { name, type, length: rangeCount(values), valueAt };
  }
  const items = range.map((item, index) => {
    const place = `${path}.range[${index}]`;
    const text = attempt(place, () => resolveFormatString(item, lookup), item);
    const mistake = taskValueMistake(type, type === "FLOAT" || type === "INT" ? text.trim() : text);
    if (mistake !== undefined) throw new SpaceError(place, mistake, item);
    return canonical(type, text);
  });
  return { name, type, length: BigInt(items.length), valueAt: (index) => items[Number(index)] ?? "" };
}

function canonical(type: TaskParameterValue["type"], text: string): string {
  if (type === "INT" || type === "CHUNK[INT]") return (parseInteger(text.trim()) ?? 0n).toString();
  return type === "FLOAT" && isDecimal(text.trim()) ? text.trim() : text;
}

function combine(definition: ParameterSpaceDefinition, axes: Axis[]): Combination {
  const { combination } = definition;
  if (combination !== undefined) return attempt("combination", () => parseCombination(combination));
  return { kind: "product", parts: axes.map(({ name }) => ({ kind: "parameter", name })) };
}

function makeBlock(combination: Combination, axes: ReadonlyMap<string, Axis>): Block {
  if (combination.kind === "parameter") {
    const axis = axes.get(combination.name);
    if (axis === undefined)
      throw new SpaceError("combination", `"${combination.name}" is no task parameter.`);
    return { length: axis.length, fill: (index, task) => void task.set(axis.name, axis.valueAt(index)) };
  }
  const parts = combination.parts.map((part) => makeBlock(part, axes));
  if (combination.kind === "zip") {
    const lengths = [...new Set(parts.map(({ length }) => length))];
    if (lengths.length > 1) {
      const found = parts.map(({ length }) => length).join(" and ");
      throw new SpaceError(
        "combination",
        `Values in brackets are paired, so they must be equally many; here they are ${found}.`,
      );
    }
    return {
      length: lengths[0] ?? 0n,
      fill: (index, task) => parts.forEach((part) => part.fill(index, task)),
    };
  }
  const length = parts.reduce((product, part) => product * part.length, 1n);
  return {
    length,
    fill(index, task) {
      // The rightmost operand moves fastest.
      let rest = index;
      for (const part of parts.toReversed()) {
        part.fill(rest % part.length, task);
        rest /= part.length;
      }
    },
  };
}

function chunkRule(
  definition: ParameterSpaceDefinition,
  lookup: (name: string) => string | undefined,
): ChunkRule | undefined {
  const at = definition.taskParameterDefinitions.findIndex(({ chunks }) => chunks !== undefined);
  const parameter = definition.taskParameterDefinitions[at];
  if (parameter?.chunks === undefined) return undefined;
  const { defaultTaskCount, targetRuntimeSeconds, rangeConstraint } = parameter.chunks;
  const whole = (key: string, text: string, min: bigint): number => {
    const path = `taskParameterDefinitions[${at}].chunks.${key}`;
    const resolved = attempt(path, () => resolveFormatString(text, lookup), text);
    const value = parseInteger(resolved.trim());
    if (value === undefined || value < min || value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new SpaceError(
        path,
        `"${resolved}" is not valid here: "${key}" must be a whole number of ${min} or more.`,
        text,
      );
    }
    return Number(value);
  };
  return {
    parameter: parameter.name,
    defaultTaskCount: whole("defaultTaskCount", defaultTaskCount, 1n),
    targetRuntimeSeconds: whole("targetRuntimeSeconds", targetRuntimeSeconds ?? "0", 0n),
    rangeConstraint,
  };
}

/** The chunked parameter is always an operand of the outermost product, so its place is one stride. */
function chunkAxis(combination: Combination, axes: Axis[], name: string): ParameterSpace["chunkAxis"] {
  const byName = new Map(axes.map((axis) => [axis.name, axis]));
  const axis = byName.get(name);
  if (axis === undefined) return undefined;
  const parts = combination.kind === "product" ? combination.parts : [combination];
  const at = parts.findIndex((part) => part.kind === "parameter" && part.name === name);
  const stride = parts.slice(at + 1).reduce((product, part) => product * makeBlock(part, byName).length, 1n);
  return {
    length: Number(axis.length),
    stride: Number(stride),
    valueAt: (index) => BigInt(axis.valueAt(BigInt(index))),
  };
}

function checkOrdinal(ordinal: number, count: number): void {
  if (Number.isInteger(ordinal) && ordinal >= 0 && ordinal < count) return;
  throw new RangeError(`There is no task ${ordinal}: the step has ${count} tasks.`);
}

/** Frames are spoken of as such where somebody types their list into a field. */
function isFrames({ name, type, range }: TaskParameterDefinition): boolean {
  const isFrame = type === "CHUNK[INT]" || /^frames?$/i.test(name);
  return isFrame && typeof range === "string" && soleParameter(range) !== undefined;
}

/** Makes all of them, or throws the first mistake with the others. */
function everyOne<Value>(makers: readonly (() => Value)[]): Value[] {
  const mistakes: SpaceError[] = [];
  const made = makers.flatMap((make) => {
    try {
      return [make()];
    } catch (error) {
      if (!(error instanceof SpaceError)) throw error;
      mistakes.push(error);
      return [];
    }
  });
  const [first, ...others] = mistakes;
  if (first === undefined) return made;
  first.others = others;
  throw first;
}

function attempt<Value>(path: string, make: () => Value, text?: string, inFrames = false): Value {
  try {
    return make();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const words = inFrames && error instanceof RangeMistake ? error.asFrames : message;
    throw new SpaceError(path, words, text, error);
  }
}
