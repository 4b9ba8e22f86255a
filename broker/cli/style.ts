// Colour and width for a terminal, and nothing of either for a pipe.
import { styleText } from "node:util";
import { stateWord } from "../contract/state-words.ts";
import { columnsOf, withoutColours, wrap } from "./columns.ts";

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

/** A state in words, as the page says it, in its colour. */
export function paintState(state: string): string {
  const word = stateWord(state);
  const colour = stateColours[state];
  return colour === undefined ? word : paint(colour, word);
}

/** Control characters, other line breaks, and what turns the direction of letters around. */
// oxlint-disable-next-line no-control-regex -- these are what it is about
const obeyed = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g;

/**
 * What others wrote (names, reasons, labels, files' names), or a whole answer that holds it, without what a terminal
 * would obey: each such piece becomes a blank. Everything of theirs that is printed comes through here, once, where
 * the sentence is made; JSON spells them, see `spelt`, and a log in a pipe stays as it is.
 */
export function plain<T>(theirs: T): T {
  if (typeof theirs === "string") return theirs.replace(obeyed, " ") as T;
  if (Array.isArray(theirs)) return theirs.map((one: unknown) => plain(one)) as T;
  if (typeof theirs !== "object" || theirs === null) return theirs;
  return Object.fromEntries(
    Object.entries(theirs).map(([key, one]) => [plain(key), plain<unknown>(one)]),
  ) as T;
}

/** Several lines of our own with words of others in them: the line breaks stay. */
export function plainLines(text: string): string {
  return text.split("\n").map(plain).join("\n");
}

/** JSON as it is: the control characters that JSON.stringify leaves as they are, spelt as it spells the others. */
export function spelt(json: string): string {
  return json.replace(/[\u007f-\u009f]/g, (one) => `\\u00${one.charCodeAt(0).toString(16)}`);
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
  return columnsOf(withoutColours(text));
}

/** Text of several lines, for a terminal broken between words where it would break them itself; as it is for a pipe. */
export function forTerminal(text: string): string {
  const { isTTY, columns } = process.stdout;
  if (isTTY !== true || !columns) return text;
  return text
    .split("\n")
    .flatMap((line) => wrap(line, columns))
    .join("\n");
}

/** A name as it is typed in a shell. */
export function quoted(name: string): string {
  return /^[\w.@-]+$/.test(name) ? name : `"${name.replace(/["$`\\]/g, "\\$&")}"`;
}
