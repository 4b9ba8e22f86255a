// Marks in lines of one look and of several.
import { expect, it } from "vitest";
import { runsOf } from "./ansi.ts";
import { mark } from "./highlight.ts";

const shown = (line: string, words: string) =>
  mark(runsOf(line).runs, words).map(({ text, marked }) => (marked ? `[${text}]` : text));

it.each([
  ["an Error here", "error", ["an ", "[Error]", " here"]],
  ["Er\u001b[1mror\u001b[0m!", "error", ["[Er]", "[ror]", "!"]],
  ["aaaa", "aa", ["[aa]", "[aa]"]],
  ["nothing", "error", ["nothing"]],
  ["nothing", "", ["nothing"]],
  ["<b>", "<b", ["[<b]", ">"]],
  ["at the end", "end", ["at the ", "[end]"]],
])("in %j for %s", (line, words, runs) => {
  expect(shown(line, words)).toEqual(runs);
});
