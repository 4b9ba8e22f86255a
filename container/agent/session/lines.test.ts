// Lines and secrets under every way of cutting the bytes.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createLineReader, MAX_LINE_BYTES } from "./lines.ts";
import { createRedactor } from "./redaction.ts";

function readIn(pieces: readonly Uint8Array[], redact?: ReturnType<typeof createRedactor>): string[] {
  const lines: string[] = [];
  const reader = createLineReader(
    (line) => lines.push(redact?.redact(line) ?? line),
    (text) => redact?.openEnd(text) ?? 0,
  );
  for (const piece of pieces) reader.push(piece);
  reader.end();
  return lines;
}

function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const at = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b),
    bytes.length,
  ];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

test("however the bytes arrive, the lines are the same", () => {
  const text = fc.string({ unit: fc.constantFrom("a", "ü", "€", "🎬", "\n", "\r", "\r\n", " ") });
  fc.assert(
    fc.property(text, fc.array(fc.nat(200), { maxLength: 8 }), (it, places) => {
      const bytes = new TextEncoder().encode(it);
      const expected = it.split(/\r\n|\n|\r/);
      if (expected.at(-1) === "") expected.pop();
      expect(readIn(cut(bytes, places))).toEqual(expected);
    }),
  );
});

test("a secret in an overlong line is hidden wherever the line is cut", () => {
  fc.assert(
    fc.property(fc.integer({ min: -40, max: 40 }), fc.nat(3), (shift, copies) => {
      const redactor = createRedactor();
      redactor.add("aab-secret-aab");
      const line = `${"a".repeat(MAX_LINE_BYTES + shift)}${"aab-secret-aab".repeat(copies + 1)}tail`;
      const lines = readIn([new TextEncoder().encode(`${line}\n`)], redactor);
      // Not toContain: the whole line would be printed.
      expect(lines.some((it) => it.includes("secret"))).toBe(false);
      // The cut may fall inside the last word; nothing of it is lost.
      expect(lines.join("").endsWith("tail")).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test("no secret is ever left in a text", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(
      fc.array(word, { minLength: 1, maxLength: 4 }),
      fc.array(word, { maxLength: 12 }),
      (secrets, words) => {
        const redactor = createRedactor();
        for (const secret of secrets) redactor.add(secret);
        const shown = redactor.redact(words.join("_"));
        for (const secret of secrets) expect(shown).not.toContain(secret);
      },
    ),
  );
});
