// How many columns of a terminal a text takes, and lines that are cut or broken to fit so many.

const segmenter = new Intl.Segmenter("en", { granularity: "grapheme" });
/** Letters of East Asia, and pictures: two columns each. */
const wide =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]/u;
const nothing = /^[\p{Mark}\p{Cf}]*$/u;

/** Whether each letter takes one column. */
// oxlint-disable-next-line no-control-regex -- what is narrow without a closer look
export const isAscii = (text: string) => /^[\u0000-\u007f]*$/.test(text);

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

/** The text without the colours of `paint`. */
export function withoutColours(text: string): string {
  // oxlint-disable-next-line no-control-regex -- colours are escape sequences
  return text.replace(/\u001b\[\d+m/g, "");
}

/**
 * A line as lines of at most `width` columns, broken between words; what follows the first is set in. A word that is
 * wider stays whole. Colours do not count as width.
 */
export function wrap(line: string, width: number): string[] {
  const columns = (text: string) => columnsOf(withoutColours(text));
  if (columns(line) <= width) return [line];
  const [indent = ""] = /^ */.exec(line) ?? [];
  const [first = "", ...words] = line.slice(indent.length).split(" ");
  const lines: string[] = [];
  let current = indent + first;
  for (const word of words) {
    if (columns(`${current} ${word}`) <= width) current += ` ${word}`;
    else {
      lines.push(current.trimEnd());
      current = `${indent}  ${word}`;
    }
  }
  return [...lines, current];
}
