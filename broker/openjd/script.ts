// Scripts: actions and the files embedded beside them.
import { FILE_NAME, IDENTIFIER } from "./names.ts";
import { numberText, parseInteger } from "./numbers.ts";
import { asFormatString, withNames, type Scope } from "./scope.ts";
import {
  asBoolean,
  asChoice,
  asList,
  asMap,
  asText,
  complain,
  eachOf,
  named,
  refuseTwins,
  plainMap,
  type Spot,
} from "./spot.ts";
import type { Action, Cancelation, EmbeddedFile, EnvironmentScript, StepScript } from "./types.ts";

const MAX_NOTIFY_PERIOD_SECONDS = 600;

/** Reads a step's script; its files are known as `Task.File.*`. */
export function readStepScript(spot: Spot, scope: Scope): StepScript | undefined {
  const fields = asMap(spot, ["actions"], ["embeddedFiles"]);
  const inner = withNames(scope, fields?.("embeddedFiles")?.value, "Task.File");
  const embeddedFiles = readFiles(fields?.("embeddedFiles"), inner);
  const actionsSpot = fields?.("actions");
  const onRunSpot = actionsSpot && asMap(actionsSpot, ["onRun"], [])?.("onRun");
  const onRun = onRunSpot && readAction(onRunSpot, inner);
  return onRun && { actions: { onRun }, ...(embeddedFiles && { embeddedFiles }) };
}

/** Reads an environment's script; its files are known as `Env.File.*`. */
export function readEnvironmentScript(spot: Spot, scope: Scope): EnvironmentScript | undefined {
  const fields = asMap(spot, ["actions"], ["embeddedFiles"]);
  const inner = withNames(scope, fields?.("embeddedFiles")?.value, "Env.File");
  const embeddedFiles = readFiles(fields?.("embeddedFiles"), inner);
  const actionsSpot = fields?.("actions");
  const actions = actionsSpot && asMap(actionsSpot, [], ["onEnter", "onExit"]);
  if (actionsSpot === undefined || actions === undefined) return undefined;
  const enterSpot = actions("onEnter");
  const exitSpot = actions("onExit");
  if (enterSpot === undefined && exitSpot === undefined) {
    return complain(actionsSpot, "An environment's script needs onEnter, onExit or both.");
  }
  const onEnter = enterSpot && readAction(enterSpot, inner);
  const onExit = exitSpot && readAction(exitSpot, inner);
  return {
    actions: { ...(onEnter && { onEnter }), ...(onExit && { onExit }) },
    ...(embeddedFiles && { embeddedFiles }),
  };
}

/** Reads a whole number of at least `min`, as number or as text. */
export function asWhole(spot: Spot, min: number, max = Number.MAX_SAFE_INTEGER): number | undefined {
  const text = typeof spot.value === "string" ? spot.value.trim() : numberText(spot.value);
  const value = text === undefined ? undefined : parseInteger(text);
  if (value === undefined) return complain(spot, `${named(spot)} must be a whole number.`);
  if (value < BigInt(min)) return complain(spot, `${named(spot)} must be ${min} or more.`);
  if (value > BigInt(max)) return complain(spot, `${named(spot)} must be ${max} or less.`);
  return Number(value);
}

function readAction(spot: Spot, scope: Scope): Action | undefined {
  const fields = asMap(spot, ["command"], ["args", "timeout", "cancelation"]);
  if (fields === undefined) return undefined;
  const commandSpot = fields("command");
  const command = commandSpot && asFormatString(commandSpot, scope, { min: 1 });
  const argsSpot = fields("args");
  const args =
    argsSpot && eachOf(asList(argsSpot, 1), (item) => asFormatString(item, scope, { control: "lines" }));
  const timeoutSpot = fields("timeout");
  const timeout = timeoutSpot && asWhole(timeoutSpot, 1);
  const cancelationSpot = fields("cancelation");
  const cancelation = cancelationSpot && readCancelation(cancelationSpot);
  if (command === undefined) return undefined;
  return {
    command,
    ...(args && { args }),
    ...(timeout !== undefined && { timeout }),
    ...(cancelation && { cancelation }),
  };
}

function readCancelation(spot: Spot): Cancelation | undefined {
  const notifies = plainMap(spot.value)?.mode === "NOTIFY_THEN_TERMINATE";
  const fields = asMap(spot, ["mode"], notifies ? ["notifyPeriodInSeconds"] : []);
  const modeSpot = fields?.("mode");
  const mode = modeSpot && asChoice(modeSpot, ["TERMINATE", "NOTIFY_THEN_TERMINATE"]);
  const periodSpot = notifies ? fields?.("notifyPeriodInSeconds") : undefined;
  const period = periodSpot && asWhole(periodSpot, 1, MAX_NOTIFY_PERIOD_SECONDS);
  if (mode === undefined || mode === "TERMINATE") return mode && { mode };
  return { mode, ...(period !== undefined && { notifyPeriodInSeconds: period }) };
}

function readFiles(spot: Spot | undefined, scope: Scope): EmbeddedFile[] | undefined {
  const items = spot && asList(spot, 1);
  refuseTwins(items, "embedded files");
  return eachOf(items, (item) => readFile(item, scope));
}

function readFile(spot: Spot, scope: Scope): EmbeddedFile | undefined {
  const fields = asMap(spot, ["name", "type", "data"], ["filename", "runnable"]);
  const [nameSpot, typeSpot, dataSpot] = [fields?.("name"), fields?.("type"), fields?.("data")];
  const name = nameSpot && asText(nameSpot, IDENTIFIER);
  const type = typeSpot && asChoice(typeSpot, ["TEXT"]);
  const data = dataSpot && asFormatString(dataSpot, scope, { min: 1, control: "all" });
  const filenameSpot = fields?.("filename");
  const filename = filenameSpot && asText(filenameSpot, FILE_NAME);
  const runnableSpot = fields?.("runnable");
  const runnable = runnableSpot && asBoolean(runnableSpot);
  if (name === undefined || type === undefined || data === undefined) return undefined;
  return {
    name,
    type,
    data,
    ...(filename !== undefined && { filename }),
    ...(runnable !== undefined && { runnable }),
  };
}
