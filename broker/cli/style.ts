// Colour and width for a terminal, and nothing of either for a pipe.
import { styleText } from "node:util";

export type Colour = "red" | "green" | "yellow" | "cyan" | "dim" | "bold";

/** True when standard output is a terminal that wants colours: NO_COLOR and TERM=dumb switch them off. */
export function wantsColour(env = process.env, terminal = process.stdout.isTTY === true): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== "") return false;
  return terminal && env.TERM !== "dumb";
}

/** Text in a colour, where colours are wanted. */
export function paint(colour: Colour, text: string): string {
  return wantsColour() ? styleText(colour, text, { validateStream: false }) : text;
}

const stateColours: Record<string, Colour> = {
  running: "cyan",
  busy: "cyan",
  succeeded: "green",
  idle: "green",
  failed: "red",
  lost: "red",
  canceled: "dim",
  stopped: "dim",
  paused: "yellow",
  pausing: "yellow",
  canceling: "yellow",
  draining: "yellow",
};

/** A state's name in its colour. `canceling` reads as stopping: the worker is being told. */
export function paintState(state: string): string {
  const word = state === "canceling" ? "stopping" : state;
  const colour = stateColours[state];
  return colour === undefined ? word : paint(colour, word);
}

/** Text of others without what a terminal would obey: control characters become blanks. */
export function plain(text: string): string {
  // oxlint-disable-next-line no-control-regex -- these are what it is about
  return text.replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ");
}

/** Columns of the terminal; 100 in a pipe. */
export function terminalWidth(): number {
  return process.stdout.columns ?? 100;
}

/** Rows of text in columns, two blanks apart; numbers (`right`) are aligned by their end. Colours do not count as width. */
export function table(rows: readonly (readonly string[])[], right: readonly number[] = []): string {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, visible(cell))));
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => {
        const gap = " ".repeat((widths[column] ?? 0) - visible(cell));
        return right.includes(column) ? gap + cell : cell + gap;
      })
      .join("  ")
      .trimEnd();
  return rows.map((row) => `${line(row)}\n`).join("");
}

function visible(text: string): number {
  // oxlint-disable-next-line no-control-regex -- colours are escape sequences
  return text.replace(/\u001b\[\d+m/g, "").length;
}

/** A name as it is typed in a shell. */
export function quoted(name: string): string {
  return /^[\w.@-]+$/.test(name) ? name : `"${name.replace(/["$`\\]/g, "\\$&")}"`;
}
