// What a bench hands back: figures with a name and a unit, the rows of the printed table, and quantiles.

export interface Figure {
  name: string;
  unit: string;
  value: number;
}

/** One line of the table. */
export interface Row {
  what: string;
  /** The best peer measured on the same kind of machine, in words. */
  peer: string;
  tally: string;
  target: string;
  met: boolean;
  figures: Figure[];
}

/** The `part` quantile (0 to 1) of some numbers, by nearest rank. Throws when there are none. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const value = sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)];
  if (value === undefined) throw new Error("no values to take a quantile of");
  return value;
}

export const median = (values: readonly number[]): number => quantile(values, 0.5);

/** A number for people: three significant digits below a thousand, whole with separators above. */
export function show(value: number): string {
  if (value >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
}

/** The table as text, columns padded to their widest cell. */
export function tableOf(rows: readonly Row[]): string {
  const lines = [
    ["what", "peer", "Tally", "target", "met"],
    ...rows.map((row) => [row.what, row.peer, row.tally, row.target, row.met ? "yes" : "NO"]),
  ];
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
