// Steps: reading one, and the graph that their dependencies draw.
import { readEnvironments } from "./environment.ts";
import { readHostRequirements } from "./host-requirements.ts";
import { DESCRIPTION, TITLE } from "./names.ts";
import { withNames, type Scope } from "./scope.ts";
import { readStepScript } from "./script.ts";
import { asList, asMap, asText, complain, eachOf, plainMap, shorten, type Spot } from "./spot.ts";
import { readParameterSpace } from "./task-parameters.ts";
import type { StepTemplate } from "./types.ts";

/** What is known where: `template` when the job is made, `host` on the worker. */
export interface StepScopes {
  template: Scope;
  host: Scope;
}

/** Reads one step; `chunking` tells whether the template asked for TASK_CHUNKING. */
export function readStep(spot: Spot, scopes: StepScopes, chunking: boolean): StepTemplate | undefined {
  const fields = asMap(
    spot,
    ["name", "script"],
    ["description", "dependencies", "stepEnvironments", "hostRequirements", "parameterSpace"],
  );
  if (fields === undefined) return undefined;
  const [nameSpot, scriptSpot, descriptionSpot] = [fields("name"), fields("script"), fields("description")];
  const [dependSpot, environmentsSpot] = [fields("dependencies"), fields("stepEnvironments")];
  const [requirementsSpot, spaceSpot] = [fields("hostRequirements"), fields("parameterSpace")];
  const name = nameSpot && asText(nameSpot, TITLE);
  const description = descriptionSpot && asText(descriptionSpot, DESCRIPTION);
  const dependencies = dependSpot && eachOf(asList(dependSpot, 1), readDependency);
  const stepEnvironments = environmentsSpot && readEnvironments(environmentsSpot, scopes.host);
  const hostRequirements = requirementsSpot && readHostRequirements(requirementsSpot, scopes.template);
  const parameterSpace = spaceSpot && readParameterSpace(spaceSpot, scopes.template, chunking);
  const parameters = plainMap(spaceSpot?.value)?.taskParameterDefinitions;
  const scope = withNames(scopes.host, parameters, "Task.Param", "Task.RawParam");
  const script = scriptSpot && readStepScript(scriptSpot, scope);
  if (name === undefined || script === undefined) return undefined;
  return {
    name,
    ...(description !== undefined && { description }),
    ...(dependencies && { dependencies }),
    ...(stepEnvironments && { stepEnvironments }),
    ...(hostRequirements && { hostRequirements }),
    ...(parameterSpace && { parameterSpace }),
    script,
  };
}

/** Checks that every dependency names another step once and that no steps wait for each other in a circle. */
export function checkDependencies(items: Spot[]): void {
  const graph = new Map<string, string[]>();
  for (const item of items) {
    const step = plainMap(item.value);
    if (typeof step?.name === "string") graph.set(step.name, dependencyNames(step.dependencies));
  }
  items.forEach((item) => {
    const step = plainMap(item.value);
    const names = dependencyNames(step?.dependencies);
    names.forEach((name, index) => {
      const place = { ...item, path: `${item.path}.dependencies[${index}].dependsOn` };
      if (name === step?.name) complain(place, "A step cannot depend on itself.");
      else if (!graph.has(name)) complain(place, `There is no step called "${shorten(name)}".`);
      if (names.indexOf(name) < index) complain(place, `"${shorten(name)}" is named twice. Name it once.`);
    });
  });
  const circle = findCircle(graph);
  const first = items[0];
  if (circle !== undefined && circle.length > 1 && first !== undefined) {
    const at = items.find((item) => plainMap(item.value)?.name === circle[0]) ?? first;
    complain(
      { ...at, path: `${at.path}.dependencies` },
      `These steps wait for each other: ${circle.join(", ")}.`,
    );
  }
}

/** Peels off steps that wait for nothing; what is left is a circle and what waits for it. */
function findCircle(graph: Map<string, string[]>): string[] | undefined {
  const waiting = new Map(
    [...graph].map(([name, needs]) => [name, new Set(needs.filter((need) => graph.has(need)))]),
  );
  const dependents = new Map<string, string[]>();
  for (const [name, needs] of waiting) {
    for (const need of needs) dependents.set(need, [...(dependents.get(need) ?? []), name]);
  }
  const free = [...waiting].flatMap(([name, needs]) => (needs.size === 0 ? [name] : []));
  for (let name = free.pop(); name !== undefined; name = free.pop()) {
    waiting.delete(name);
    for (const dependent of dependents.get(name) ?? []) {
      const needs = waiting.get(dependent);
      needs?.delete(name);
      if (needs?.size === 0) free.push(dependent);
    }
  }
  if (waiting.size === 0) return undefined;
  const walk: string[] = [];
  for (let name = [...waiting.keys()][0]; name !== undefined; name = [...(waiting.get(name) ?? [])][0]) {
    const seen = walk.indexOf(name);
    if (seen >= 0) return walk.slice(seen);
    walk.push(name);
  }
  return walk;
}

function dependencyNames(dependencies: unknown): string[] {
  if (!Array.isArray(dependencies)) return [];
  return dependencies.flatMap((entry: unknown) => {
    const name = plainMap(entry)?.dependsOn;
    return typeof name === "string" ? [name] : [];
  });
}

function readDependency(spot: Spot): { dependsOn: string } | undefined {
  const nameSpot = asMap(spot, ["dependsOn"], [])?.("dependsOn");
  const dependsOn = nameSpot && asText(nameSpot, TITLE);
  return dependsOn === undefined ? undefined : { dependsOn };
}
