// Where the steps of a job stand in the drawing of what waits for what: columns by how many steps come before. Pure.

export interface StepPlace {
  name: string;
  column: number;
  row: number;
  dependsOn: readonly string[];
}

/** A place for each step, in the order given; what depends on another stands to its right. */
export function placeSteps(steps: readonly { name: string; dependsOn: readonly string[] }[]): StepPlace[] {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const columns = new Map<string, number>();
  function columnOf(name: string): number {
    const known = columns.get(name);
    if (known !== undefined) return known;
    // Steps form no circle: the broker refuses one. A name that is none counts as nothing before.
    const before = (byName.get(name)?.dependsOn ?? []).filter((one) => byName.has(one));
    const column = before.length === 0 ? 0 : 1 + Math.max(...before.map(columnOf));
    columns.set(name, column);
    return column;
  }
  const rows = new Map<number, number>();
  return steps.map(({ name, dependsOn }) => {
    const column = columnOf(name);
    const row = rows.get(column) ?? 0;
    rows.set(column, row + 1);
    return { name, column, row, dependsOn };
  });
}
