// Which frames of a step are chosen: one, a range, or several of them. Pure.

/** Chosen frames; never changed, always made anew. */
export type Selection = ReadonlySet<number>;

export const nobody: Selection = new Set();

/** Chooses one frame more or less. */
export function toggled(selection: Selection, ordinal: number): Selection {
  const next = new Set(selection);
  if (!next.delete(ordinal)) next.add(ordinal);
  return next;
}

/** Chooses everything from one frame to another besides what was chosen. */
export function extended(selection: Selection, from: number, to: number): Selection {
  const next = new Set(selection);
  for (let ordinal = Math.min(from, to); ordinal <= Math.max(from, to); ordinal++) next.add(ordinal);
  return next;
}

/** Runs of neighbors, for a sentence: `[[1, 4], [7, 7]]`. */
export function runsOf(selection: Selection): [number, number][] {
  const runs: [number, number][] = [];
  for (const ordinal of [...selection].toSorted((a, b) => a - b)) {
    const last = runs.at(-1);
    if (last && last[1] === ordinal - 1) last[1] = ordinal;
    else runs.push([ordinal, ordinal]);
  }
  return runs;
}

/** `1-4, 7` by the frames' own names; cut after a few. */
export function selectionText(selection: Selection, nameOf: (ordinal: number) => string): string {
  const runs = runsOf(selection).map(([from, to]) =>
    from === to ? nameOf(from) : `${nameOf(from)}–${nameOf(to)}`,
  );
  return runs.length > 6 ? `${runs.slice(0, 5).join(", ")} and ${runs.length - 5} more` : runs.join(", ");
}
