// Reading template text: number text, YAML 1.2, and texts that mean harm.
import { expect, test } from "vitest";
import { readTemplateText } from "./document.ts";
import { numberText } from "./numbers.ts";

function read(text: string): unknown {
  const { document, problems } = readTemplateText(text);
  expect(problems).toEqual([]);
  return document;
}

function complaint(text: string): string {
  const { problems } = readTemplateText(text);
  expect(problems).toHaveLength(1);
  return problems[0]?.message ?? "";
}

test.each(["1.50", "10.0", "9223372036854775807", "-0", "1e3", "-0.25"])(
  "%s keeps its text in YAML and JSON",
  (text) => {
    expect(numberText((read(`a: ${text}`) as { a: unknown }).a)).toBe(text);
    expect(numberText((read(`{"a": ${text}}`) as { a: unknown }).a)).toBe(text);
  },
);

test("hexadecimal and octal integers of YAML become decimal", () => {
  const { a, b } = read("a: 0x10\nb: 0o17") as Record<string, unknown>;
  expect([numberText(a), numberText(b)]).toEqual(["16", "15"]);
});

test("yes, no and 12:30 are texts, as YAML 1.2 says", () => {
  expect(read("a: yes\nb: no\nc: 12:30\nd: true\ne: ~")).toEqual({
    a: "yes",
    b: "no",
    c: "12:30",
    d: true,
    e: null,
  });
});

test("flow style YAML that is no JSON is read as YAML", () => {
  expect(read("{a: [b, 'c']}")).toEqual({ a: ["b", "c"] });
});

test("a byte order mark does no harm", () => {
  expect(read("\uFEFFa: b")).toEqual({ a: "b" });
});

test("anchors and aliases are followed", () => {
  expect(read("a: &x {b: c}\nd: *x")).toEqual({ a: { b: "c" }, d: { b: "c" } });
});

test("an alias means the anchor before it, also through another alias", () => {
  const text = "a: &x 'one'\nb: &y {c: *x}\nd: &x 'two'\ne: *y\nf: *x";
  expect(read(text)).toEqual({ a: "one", b: { c: "one" }, d: "two", e: { c: "one" }, f: "two" });
});

test("many aliases are no work", () => {
  const list = Array.from({ length: 50_000 }, () => "*a").join(", ");
  expect((read(`a: &a x\nb: [${list}]`) as { b: string[] }).b).toHaveLength(50_000);
});

test("a key named __proto__ is an ordinary key", () => {
  expect(Object.keys(read('{"__proto__": {"a": "b"}}') as object)).toEqual(["__proto__"]);
  expect(Object.keys(read("__proto__: {a: b}") as object)).toEqual(["__proto__"]);
});

test.each([
  ['{"a": "1", "a": "2"}', /Line 1 .*"a" stands twice/],
  ['{"a": "1",\n"b" "2"}', /Line 2 .*":" is missing/],
  ['{"a": "1"} x', /after the end/],
  ['{"a": "bad \\q escape"}', /unknown escape/],
  ['{"a": "open', /not closed/],
  ["a: 1\na: 2", /Line \d.*unique/],
  ["a: [1", /Line \d/],
  ["a: b\n---\nc: d", /YAML/],
  ["a: !mine b", /YAML/],
  ["a: *nowhere", /YAML|alias/],
  [`${"[".repeat(200)}${"]".repeat(200)}`, /nested deeper than 100/],
  ["a: &a [*a]", /nested deeper|alias|YAML/],
])("%s is refused", (text, words) => {
  expect(complaint(text)).toMatch(words);
});

test("an alias bomb is refused before it grows", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let level = 1; level < 12; level += 1) {
    lines.push(`a${level}: &a${level} [${Array.from({ length: 10 }, () => `*a${level - 1}`).join(", ")}]`);
  }
  expect(complaint(lines.join("\n"))).toMatch(/more than 500000 values/);
});

test("YAML of many megabytes is refused at once", () => {
  expect(complaint("a: b\n".repeat(600_000))).toMatch(/2 MB/);
});

test("a text of some megabytes is read", () => {
  const long = "x\\n".repeat(2_000_000);
  expect((read(`{"a": "${long}"}`) as { a: string }).a).toHaveLength(4_000_000);
});
