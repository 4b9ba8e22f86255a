// Environments: what a session enters before its tasks and leaves after them.
import { DESCRIPTION, TITLE, VARIABLE } from "./names.ts";
import { asFormatString, type Scope } from "./scope.ts";
import { readEnvironmentScript } from "./script.ts";
import { asList, asMap, asText, below, complain, eachOf, plainMap, refuseTwins, type Spot } from "./spot.ts";
import type { Environment } from "./types.ts";

const MAX_VARIABLE_VALUE = 2048;

/** Reads a list of environments whose names are unique among themselves. */
export function readEnvironments(spot: Spot, scope: Scope): Environment[] | undefined {
  const items = asList(spot, 1);
  refuseTwins(items, "environments");
  return eachOf(items, (item) => readEnvironment(item, scope));
}

/** Reads one environment; `scope` is what is known on the worker. */
export function readEnvironment(spot: Spot, scope: Scope): Environment | undefined {
  const fields = asMap(spot, ["name"], ["description", "script", "variables"]);
  if (fields === undefined) return undefined;
  const [nameSpot, scriptSpot, variablesSpot] = [fields("name"), fields("script"), fields("variables")];
  if (scriptSpot === undefined && variablesSpot === undefined) {
    complain(spot, "An environment needs a script, variables or both.");
  }
  const name = nameSpot && asText(nameSpot, TITLE);
  const descriptionSpot = fields("description");
  const description = descriptionSpot && asText(descriptionSpot, DESCRIPTION);
  const script = scriptSpot && readEnvironmentScript(scriptSpot, scope);
  const variables = variablesSpot && readVariables(variablesSpot, scope);
  if (name === undefined) return undefined;
  return {
    name,
    ...(description !== undefined && { description }),
    ...(script && { script }),
    ...(variables && { variables }),
  };
}

function readVariables(spot: Spot, scope: Scope): Record<string, string> | undefined {
  const map = plainMap(spot.value);
  if (map === undefined) return complain(spot, '"variables" must be a map of names and texts.');
  const entries = Object.entries(map);
  if (entries.length === 0) return complain(spot, '"variables" must hold at least one variable.');
  const read = entries.flatMap(([name, value]): [string, string][] => {
    const place = below(spot, name, value);
    asText({ ...place, value: name }, VARIABLE);
    const text = asFormatString(place, scope, { max: MAX_VARIABLE_VALUE, control: "all" });
    return text === undefined ? [] : [[name, text]];
  });
  return Object.fromEntries(read);
}
