// Replaces secret values in everything that leaves a session by eight asterisks.

const STARS = "********";
/** The inner lines of a secret are hidden anywhere in a line when they are at least this long, else as a whole line. */
const SHORT = 8;

export interface Redactor {
  /** From now on `secret` is hidden; of a value with several lines each line too. */
  add(secret: string): void;
  redact(text: string): string;
  /** How many characters at the end of `text` could be the beginning of a secret. */
  openEnd(text: string): number;
}

/** Makes an empty redactor: it hides nothing until `add`. */
export function createRedactor(): Redactor {
  const anywhere = new Set<string>();
  const wholeLines = new Set<string>();

  return {
    add(secret) {
      if (secret === "") return;
      anywhere.add(secret);
      const parts = secret.split(/\r\n|\n|\r/);
      parts.forEach((part, index) => {
        if (part === "") return;
        const outer = index === 0 || index === parts.length - 1;
        if (outer || part.length >= SHORT) anywhere.add(part);
        else wholeLines.add(part);
      });
    },

    redact(text) {
      if (anywhere.size === 0) return text;
      if (wholeLines.size > 0 && text.includes("\n")) {
        return text
          .split("\n")
          .map((line) => redactLine(line, anywhere, wholeLines))
          .join("\n");
      }
      return redactLine(text, anywhere, wholeLines);
    },

    openEnd(text) {
      let longest = 0;
      for (const secret of anywhere) {
        const first = secret.charAt(0);
        let at = text.indexOf(first, Math.max(0, text.length - secret.length + 1));
        while (at >= 0 && text.length - at > longest) {
          if (secret.startsWith(text.slice(at))) longest = text.length - at;
          at = text.indexOf(first, at + 1);
        }
      }
      // The cut may not go through a whole secret either, whose end looks like the beginning of another.
      let cut = text.length - longest;
      const spans = spansOf(text, anywhere);
      for (let at = spans.length - 1; at >= 0; at -= 1) {
        const [from, to] = spans[at] ?? [0, 0];
        if (from < cut && cut < to) cut = from;
      }
      return text.length - cut;
    },
  };
}

function redactLine(line: string, anywhere: Set<string>, wholeLines: Set<string>): string {
  if (wholeLines.has(line)) return STARS;
  const spans = spansOf(line, anywhere);
  if (spans.length === 0) return line;
  let text = "";
  let end = 0;
  let open = false;
  for (const [from, to] of spans) {
    // Spans that overlap or touch are one secret in the text.
    if (!open || from > end) text += line.slice(end, from) + STARS;
    open = true;
    end = Math.max(end, to);
  }
  return text + line.slice(end);
}

/** Where secrets stand in a text, by their beginning. */
function spansOf(text: string, secrets: Set<string>): [number, number][] {
  const spans: [number, number][] = [];
  for (const secret of secrets) {
    for (let at = text.indexOf(secret); at >= 0; at = text.indexOf(secret, at + 1)) {
      spans.push([at, at + secret.length]);
    }
  }
  return spans.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
}
