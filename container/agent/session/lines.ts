// Turns the bytes that a process writes into lines: any line end, at most 64 KB, undecodable bytes as \xNN.

/** Longer lines are cut into pieces of this many bytes. */
export const MAX_LINE_BYTES = 64 * 1024;

const LF = 0x0a;
const CR = 0x0d;
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export interface LineReader {
  push(bytes: Uint8Array): void;
  /** The process is done: what has no line end yet is a line too. */
  end(): void;
}

/**
 * Calls `onLine` for each line, without its end; `continued` is true for the further pieces of a line that was cut.
 * `holdBack` says how many characters at a cut must stay together with what follows.
 */
export function createLineReader(
  onLine: (line: string, continued: boolean) => void,
  holdBack: (text: string) => number = () => 0,
): LineReader {
  let parts: Uint8Array[] = [];
  let size = 0;
  let continued = false;
  let afterCr = false;

  function take(): Buffer {
    const line = Buffer.concat(parts);
    parts = [];
    size = 0;
    return line;
  }

  function add(bytes: Uint8Array): void {
    parts.push(bytes);
    size += bytes.length;
    while (size > MAX_LINE_BYTES) {
      const all = take();
      const cut = characterStart(all, MAX_LINE_BYTES);
      const text = decodeLine(all.subarray(0, cut));
      const held = Math.min(holdBack(text), text.length - 1);
      onLine(text.slice(0, text.length - held), continued);
      continued = true;
      const rest = Buffer.concat([Buffer.from(text.slice(text.length - held)), all.subarray(cut)]);
      parts = [rest];
      size = rest.length;
    }
  }

  function finish(): void {
    const line = take();
    // A cut exactly at the end of a line leaves nothing to say.
    if (!(continued && line.length === 0)) onLine(decodeLine(line), continued);
    continued = false;
  }

  return {
    push(bytes) {
      let from = 0;
      for (let at = 0; at < bytes.length; at += 1) {
        const byte = bytes[at];
        const secondOfPair = afterCr && byte === LF;
        afterCr = byte === CR;
        if (byte !== LF && byte !== CR) continue;
        if (!secondOfPair) {
          add(bytes.subarray(from, at));
          finish();
        }
        from = at + 1;
      }
      if (from < bytes.length) add(Buffer.from(bytes.subarray(from)));
    },
    end() {
      if (size > 0) finish();
    },
  };
}

/** UTF-8 text; bytes that are none become \xNN. */
export function decodeLine(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return decodeLoosely(bytes);
  }
}

function decodeLoosely(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes[at] ?? 0);
    const piece = bytes.subarray(at, at + length);
    try {
      if (piece.length !== length) throw new Error("cut short");
      text += strict.decode(piece);
      at += length;
    } catch {
      text += `\\x${(bytes[at] ?? 0).toString(16).padStart(2, "0")}`;
      at += 1;
    }
  }
  return text;
}

function sequenceLength(first: number): number {
  if (first >= 0xf0) return 4;
  if (first >= 0xe0) return 3;
  return first >= 0xc0 ? 2 : 1;
}

function characterStart(bytes: Uint8Array, at: number): number {
  let start = at;
  while (start > at - 4 && ((bytes[start] ?? 0) & 0xc0) === 0x80) start -= 1;
  return start === at - 4 ? at : start;
}
