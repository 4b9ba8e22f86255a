// Lines at the bottom of a terminal that are drawn anew in place, while other text scrolls away above them.
import { constants } from "node:os";
import type { Size } from "./block.ts";
import { columnsOf, withoutColours, wrap } from "../columns.ts";

/** The terminal, as far as it is used. */
export interface Screen {
  write(text: string): void;
  size(): Size;
  /** Calls when the size is another; returns how to stop. */
  onResize(listener: () => void): () => void;
}

export interface InPlace {
  /** Draws soon: at once, then at most ten times a second. */
  change(): void;
  /** Whole lines that scroll away above, with the next drawing. */
  above(text: string): void;
  /** Draws a last time, leaves the lines where they are, and gives the cursor back. */
  close(): void;
}

const everyMs = 100;
/** While somebody drags the window, terminals break and join the lines again and again: drawn once that rests, ms. */
const settleMs = 120;
const hideCursor = "\u001b[?25l";
const showCursor = "\u001b[?25h";
/** Terminals that know this show what is between them at once; the others skip it. */
const begin = "\u001b[?2026h";
const end = "\u001b[?2026l";
const eraseRest = "\u001b[K";
const eraseBelow = "\u001b[J";

/** `draw` makes the lines for a size; each must be narrower than the terminal. Nothing is written before the first change. */
export function createInPlace(screen: Screen, draw: (size: Size) => string[]): InPlace {
  let drawn: string[] = [];
  /** Lines that wait to be written above. */
  let waiting: string[] = [];
  let timer: NodeJS.Timeout | undefined;
  let drawnAt = -Infinity;
  let isHidden = false;
  let closed = false;
  /** The terminal has another size since it was drawn. */
  let isBroken = false;

  /** One write: from the first of the old lines on, text that stays above, then the new lines. */
  function put(isWhole: boolean): void {
    const size = screen.size();
    const lines = draw(size);
    const above = waiting;
    waiting = [];
    const isSame = lines.length === drawn.length && lines.every((line, n) => line === drawn[n]);
    if (isSame && !isWhole && above.length === 0) return;
    if (lines.length + drawn.length === 0) {
      if (above.length > 0) screen.write(`${above.join("\n")}\n`);
      return;
    }
    // The cursor is at the beginning of the last line. Where the terminal became narrower, it broke the lines above.
    const up = drawn.slice(0, -1).reduce((rows, line) => rows + rowsOf(line, size.columns), 0);
    const parts = [begin, isHidden ? "" : hideCursor, "\r", up > 0 ? `\u001b[${up}A` : ""];
    // Erased first: some terminals still hold that a broken line goes on in the next one, and would join them again.
    if (isWhole) parts.push(eraseBelow);
    isHidden = true;
    for (const line of above) parts.push(line, eraseRest, "\r\n");
    const isNew = isWhole || above.length > 0 || lines.length !== drawn.length;
    for (const [index, line] of lines.entries()) {
      if (index > 0) parts.push("\r\n");
      // What is there already is left alone.
      if (isNew || line !== drawn[index]) parts.push(line, eraseRest);
    }
    // There, letters that somebody types do not make the last line longer than the terminal.
    parts.push(isNew ? eraseBelow : "", "\r", end);
    screen.write(parts.join(""));
    drawn = lines;
    isBroken = false;
    drawnAt = performance.now();
  }

  function now(isWhole = false): void {
    clearTimeout(timer);
    timer = undefined;
    if (!closed) put(isWhole || isBroken);
  }

  function soon(): void {
    if (closed || timer !== undefined) return;
    const wait = drawnAt + everyMs - performance.now();
    if (wait <= 0) now();
    else timer = setTimeout(now, wait);
  }

  const stopListening = screen.onResize(() => {
    if (drawn.length === 0) return;
    isBroken = true;
    clearTimeout(timer);
    timer = setTimeout(now, settleMs);
  });
  const stopSignals = keepCursor(
    () => {
      // The last line anew: what somebody typed, such as ^Z, stands in it.
      const last = `\r${drawn.at(-1) ?? ""}${eraseRest}\r\n`;
      if (isHidden) screen.write(`${last}${waiting.map((line) => `${line}\r\n`).join("")}${showCursor}`);
      waiting = [];
      isHidden = false;
      drawn = [];
    },
    () => now(true),
  );

  return {
    change: soon,
    above(text) {
      // Narrower by one: in the last column some terminals would erase what was just written.
      const lines = text.split("\n").flatMap((line) => wrap(line, screen.size().columns - 1));
      if (closed) return screen.write(`${lines.join("\n")}\n`);
      waiting.push(...lines);
      soon();
    },
    close() {
      if (closed) return;
      now(true);
      closed = true;
      stopListening();
      stopSignals();
      if (isHidden) screen.write(`${drawn.length > 0 ? "\r\n" : ""}${showCursor}`);
    },
  };
}

function rowsOf(line: string, columns: number): number {
  return Math.max(1, Math.ceil(columnsOf(withoutColours(line)) / Math.max(1, columns)));
}

/** Ends this process as the signal would have; where a system cannot send it (SIGHUP on Windows), with its exit code. */
function endBy(signal: NodeJS.Signals): void {
  try {
    process.kill(process.pid, signal);
  } catch {
    process.exit(128 + constants.signals[signal]);
  }
}

/** The cursor is given back however this process ends, and while it is stopped (Ctrl-Z). Returns how to stop caring. */
function keepCursor(giveBack: () => void, goOn: () => void): () => void {
  const ends = ["SIGTERM", "SIGHUP", "SIGQUIT"] as const;
  const onEnd = (signal: NodeJS.Signals) => {
    giveBack();
    stop();
    endBy(signal);
  };
  const onStop = () => {
    giveBack();
    process.kill(process.pid, "SIGSTOP");
  };
  function stop(): void {
    process.off("exit", giveBack);
    process.off("SIGTSTP", onStop);
    process.off("SIGCONT", goOn);
    for (const signal of ends) process.off(signal, onEnd);
  }
  process.on("exit", giveBack);
  process.on("SIGTSTP", onStop);
  process.on("SIGCONT", goOn);
  for (const signal of ends) process.on(signal, onEnd);
  return stop;
}
