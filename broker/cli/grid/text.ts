// Lines for a terminal: cut and coloured pieces, and words for terminals that know ASCII alone.
import { styleText } from "node:util";
import { columnsOf, fit, isAscii } from "../columns.ts";
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
