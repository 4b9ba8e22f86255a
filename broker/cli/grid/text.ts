// Lines for a terminal: how many columns a text takes, cut and coloured pieces, and words for terminals that know ASCII alone.
import { styleText } from "node:util";
import { plain, type Colour } from "../style.ts";

/** What a terminal can show. */
export interface Look {
  colour: boolean;
  /** Else ASCII alone. */
  unicode: boolean;
}

export interface Piece {
  text: string;
  colour?: Colour | undefined;
}

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
/** Letters of East Asia, and pictures: two columns each. */
const wide =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u;
const nothing = /^[\p{Mark}\p{Cf}]*$/u;

// oxlint-disable-next-line no-control-regex -- what is narrow without a closer look
const isAscii = (text: string) => /^[\u0000-\u007f]*$/.test(text);

/** Columns that a text without control characters takes. */
export function columnsOf(text: string): number {
  if (isAscii(text)) return text.length;
  let columns = 0;
  for (const { segment } of segmenter.segment(text)) columns += widthOf(segment);
  return columns;
}

function widthOf(grapheme: string): number {
  if (wide.test(grapheme)) return 2;
  return nothing.test(grapheme) ? 0 : 1;
}

/** The text in at most `width` columns; what is cut off leaves `…`. */
export function fit(text: string, width: number): string {
  if (columnsOf(text) <= width) return text;
  if (width <= 0) return "";
  let kept = "";
  let columns = 1;
  for (const { segment } of segmenter.segment(text)) {
    columns += widthOf(segment);
    if (columns > width) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** The text in exactly `width` columns: cut, or with blanks behind it, or before it (`right`). */
export function pad(text: string, width: number, right = false): string {
  const cut = fit(text, width);
  const blanks = " ".repeat(Math.max(0, width - columnsOf(cut)));
  return right ? blanks + cut : cut + blanks;
}

/** Pieces one behind the other as a line of at most `width` columns. */
export function lineOf(pieces: readonly Piece[], width: number, look: Look): string {
  let left = width;
  let line = "";
  for (const { text, colour } of pieces) {
    const shown = fit(wordsFor(plain(text), look), left);
    left -= columnsOf(shown);
    const written = look.unicode ? shown : shown.replaceAll("…", ".");
    line +=
      colour === undefined || !look.colour ? written : styleText(colour, written, { validateStream: false });
    if (left <= 0) break;
  }
  return line;
}

/** Left and right end of a line of `width` columns; the right end is left out where both do not fit. */
export function spread(left: readonly Piece[], right: readonly Piece[], width: number): Piece[] {
  const room = width - widthOfAll(left) - widthOfAll(right);
  return room < 2 ? [...left] : [...left, { text: " ".repeat(room) }, ...right];
}

/** Columns of pieces together. */
export function widthOfAll(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { text }) => sum + columnsOf(plain(text)), 0);
}

/** Letters outside of ASCII would be noise on a terminal that does not know them. */
function wordsFor(text: string, { unicode }: Look): string {
  if (unicode || isAscii(text)) return text;
  return text
    .normalize("NFKD")
    .replace(/\p{Mark}/gu, "")
    .replace(/[^\u0020-\u007e…]/gu, "?");
}
