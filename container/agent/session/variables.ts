// The environment variables of a session: what the machine has, what Tally adds, and what each entered environment changes.

/** What one entered environment changes; unset beats set inside it. */
export interface VariableLayer {
  set: Map<string, string>;
  unset: Set<string>;
}

export function emptyLayer(variables: Readonly<Record<string, string>> = {}): VariableLayer {
  return { set: new Map(Object.entries(variables)), unset: new Set() };
}

/** The environment for a new process: `base`, then each layer outside-in, then `fixed`, which nobody may change. */
export function applyLayers(
  base: Readonly<Record<string, string | undefined>>,
  layers: readonly VariableLayer[],
  fixed: Readonly<Record<string, string>>,
): Record<string, string | undefined> {
  const all: Record<string, string | undefined> = { ...base };
  for (const layer of layers) {
    for (const [name, value] of layer.set) all[name] = value;
    for (const name of layer.unset) delete all[name];
  }
  return { ...all, ...fixed };
}

/** A copy of `environment` without TALLY_… variables: tokens and settings of the agent are no business of a job. */
export function withoutOwnVariables(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !/^TALLY_/i.test(name)));
}
