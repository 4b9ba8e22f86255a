// Which worker can run which step: host requirements of a step against what a worker has.
import type { RegisterWorker } from "../contract/worker.ts";

export interface Requirements {
  amounts: { name: string; min?: number; max?: number }[];
  attributes: { name: string; anyOf?: string[]; allOf?: string[] }[];
  pool: string | null;
  /** The one Blender series a job renders with, or null when it needs none. */
  blenderSeries: string | null;
  /** Its input files are read where they lie. */
  ownMachine?: boolean;
}

export type Capabilities = Pick<RegisterWorker, "amounts" | "attributes" | "pool" | "blenders"> & {
  /** Launched by a local pool of this broker: it sees the files that the broker's own machine sees. */
  ownMachine?: boolean;
};

/** Steps with the same requirements share a class: workers are matched once a class, not once a step. */
export function requirementClass(requirements: Requirements): string {
  return JSON.stringify([
    requirements.pool,
    requirements.blenderSeries,
    requirements.amounts,
    requirements.attributes,
    requirements.ownMachine ?? false,
  ]);
}

/** The requirements behind a class. */
export function requirementsOfClass(text: string): Requirements {
  const [pool, blenderSeries, amounts, attributes, ownMachine] = JSON.parse(text) as [
    Requirements["pool"],
    Requirements["blenderSeries"],
    Requirements["amounts"],
    Requirements["attributes"],
    boolean,
  ];
  return { pool, blenderSeries, amounts, attributes, ownMachine };
}

/** Why a worker cannot run steps of these requirements, in words, or null when it can. Names compare case-insensitively (OpenJD). */
export function whyNot(requirements: Requirements, worker: Capabilities): string | null {
  if (requirements.pool !== null && requirements.pool !== worker.pool)
    return `it is not in the pool ${requirements.pool}`;
  if (requirements.ownMachine === true && worker.ownMachine !== true)
    return "the job's files are read where they lie, and it is not a worker of the broker's own machine";
  const series = requirements.blenderSeries;
  if (series !== null && !worker.blenders.some((install) => install.series === series))
    return `it has no Blender ${series}`;
  const amounts = lowerKeys(worker.amounts);
  for (const { name, min, max } of requirements.amounts) {
    const has = amounts.get(name.toLowerCase()) ?? 0;
    if (min !== undefined && has < min) return `it has ${has} of ${name}, the step needs ${min}`;
    if (max !== undefined && max <= 0 && has > max) return `it has ${has} of ${name}, the step allows ${max}`;
  }
  const attributes = lowerKeys(worker.attributes);
  for (const { name, anyOf, allOf } of requirements.attributes) {
    const has = new Set((attributes.get(name.toLowerCase()) ?? []).map((value) => value.toLowerCase()));
    if (anyOf && !anyOf.some((value) => has.has(value.toLowerCase())))
      return `its ${name} is none of ${anyOf.join(", ")}`;
    if (allOf && !allOf.every((value) => has.has(value.toLowerCase())))
      return `its ${name} is not all of ${allOf.join(", ")}`;
  }
  return null;
}

function lowerKeys<V>(record: Record<string, V>): Map<string, V> {
  return new Map(Object.entries(record).map(([key, value]) => [key.toLowerCase(), value]));
}
