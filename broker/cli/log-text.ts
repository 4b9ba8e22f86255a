// A renderer's log on a terminal: its letters, line breaks and tabs, and nothing that a terminal would obey. A log holds
// what a job of anybody printed, which may as well move the cursor, rename the window or fill the clipboard.
import { stripVTControlCharacters } from "node:util";

export interface LogText {
  /** What of this piece can be shown by now. */
  add(piece: string): string;
  /** What was kept back, at the end. */
  rest(): string;
}

/** What may go on in the next piece: a line break of two, an escape sequence. */
// oxlint-disable-next-line no-control-regex -- these are what it is about
const unfinished = /(?:\r|\u001b(?:\[[\d;?]{0,32})?)$/;
/** All but tabs and line breaks. */
// oxlint-disable-next-line no-control-regex -- these are what it is about
const obeyed = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]+/g;

/** Takes a log piece by piece. Colours go with the rest; a line that is drawn over and over becomes lines. */
export function createLogText(): LogText {
  let kept = "";
  return {
    add(piece) {
      const text = kept + piece;
      kept = unfinished.exec(text)?.[0] ?? "";
      return shown(text.slice(0, text.length - kept.length));
    },
    rest() {
      const text = kept;
      kept = "";
      return shown(text);
    },
  };
}

function shown(text: string): string {
  return stripVTControlCharacters(text).replace(/\r\n?/g, "\n").replace(obeyed, " ");
}
