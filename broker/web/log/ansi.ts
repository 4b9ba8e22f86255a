// ANSI colour codes of a log line to runs of text with class names; nothing of a log ever becomes markup.

/** How a run of text looks. Colours are 0 to 15 of the terminal's palette, or null for the page's own. */
export interface Look {
  color: number | null;
  back: number | null;
  bold: boolean;
  dim: boolean;
  italic: boolean;
  underline: boolean;
}

export const plain: Look = {
  color: null,
  back: null,
  bold: false,
  dim: false,
  italic: false,
  underline: false,
};

export interface Run {
  text: string;
  look: Look;
}

// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const sequence = /\u001b(?:\[([0-9;:]*)([@-~])|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
// oxlint-disable-next-line no-control-regex -- what a terminal would not show
const unseen = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** The text as one would read it: without any control sequence. */
export function withoutCodes(text: string): string {
  return text.includes("\u001b") ? text.replace(sequence, "") : text;
}

/** What a terminal shows of a line at its end: of a bar that is drawn anew after each return, the last one. */
export function lastDrawn(line: string): string {
  const whole = line.replace(/[\r\n]+$/, "");
  const at = whole.lastIndexOf("\r");
  return at < 0 ? whole : whole.slice(at + 1);
}

/** Splits a line into runs, going on from how the line before it ended. */
export function runsOf(line: string, from: Look = plain): { runs: Run[]; end: Look } {
  const runs: Run[] = [];
  let look = from;
  let at = 0;
  const add = (text: string) => {
    const seen = text.replace(unseen, "");
    if (seen === "") return;
    const last = runs.at(-1);
    if (last?.look === look) last.text += seen;
    else runs.push({ text: seen, look });
  };
  for (const match of line.matchAll(sequence)) {
    add(line.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[2] === "m") look = applyCodes(look, match[1] ?? "");
  }
  add(line.slice(at));
  return { runs, end: look };
}

/** How text looks after the codes of one sequence, such as `1;31`. */
export function applyCodes(look: Look, codes: string): Look {
  const numbers = codes.split(/[;:]/).map(Number);
  let next = look;
  for (let index = 0; index < numbers.length; index++) {
    const code = numbers[index] ?? 0;
    if (code === 38 || code === 48) {
      const { color, used } = extended(numbers, index + 1);
      index += used;
      if (color !== undefined) next = { ...next, [code === 38 ? "color" : "back"]: color };
    } else next = applyCode(next, code);
  }
  return next;
}

function applyCode(look: Look, code: number): Look {
  if (code === 0) return plain;
  if (code === 1) return { ...look, bold: true };
  if (code === 2) return { ...look, dim: true };
  if (code === 3) return { ...look, italic: true };
  if (code === 4) return { ...look, underline: true };
  if (code === 22) return { ...look, bold: false, dim: false };
  if (code === 23) return { ...look, italic: false };
  if (code === 24) return { ...look, underline: false };
  if (code === 39) return { ...look, color: null };
  if (code === 49) return { ...look, back: null };
  if (code >= 30 && code <= 37) return { ...look, color: code - 30 };
  if (code >= 40 && code <= 47) return { ...look, back: code - 40 };
  if (code >= 90 && code <= 97) return { ...look, color: code - 82 };
  if (code >= 100 && code <= 107) return { ...look, back: code - 92 };
  return look;
}

/** `5;n` and `2;r;g;b` behind 38 and 48: the nearest of the sixteen, since colours are classes, not styles. */
function extended(numbers: number[], at: number): { color: number | undefined; used: number } {
  if (numbers[at] === 5) return { color: nearestOf256(numbers[at + 1] ?? 0), used: 2 };
  if (numbers[at] !== 2) return { color: undefined, used: 0 };
  const [red = 0, green = 0, blue = 0] = numbers.slice(at + 1, at + 4);
  return { color: nearest(red, green, blue), used: 4 };
}

function nearestOf256(index: number): number {
  if (index < 16) return Math.max(0, index);
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return nearest(grey, grey, grey);
  }
  const level = (step: number) => (step === 0 ? 0 : 55 + step * 40);
  const cube = index - 16;
  return nearest(level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6));
}

function nearest(red: number, green: number, blue: number): number {
  const most = Math.max(red, green, blue);
  const least = Math.min(red, green, blue);
  if (most - least < 32) return most < 48 ? 0 : most < 128 ? 8 : most < 208 ? 7 : 15;
  const half = (most + least) / 2;
  const hue = (red > half ? 1 : 0) + (green > half ? 2 : 0) + (blue > half ? 4 : 0);
  return most > 200 ? hue + 8 : hue;
}

/** The class names of a look; empty for the page's own. */
export function classesOf(look: Look): string {
  return [
    look.color === null ? "" : `ansi-${look.color}`,
    look.back === null ? "" : `ansi-back-${look.back}`,
    look.bold ? "ansi-bold" : "",
    look.dim ? "ansi-dim" : "",
    look.italic ? "ansi-italic" : "",
    look.underline ? "ansi-underline" : "",
  ]
    .filter((name) => name !== "")
    .join(" ");
}
