// A log on a terminal: readable as it was, and harmless, however it is cut into pieces.
import { expect, test } from "vitest";
import { createLogText } from "./log-text.ts";

function shown(...pieces: string[]): string {
  const text = createLogText();
  return pieces.map((piece) => text.add(piece)).join("") + text.rest();
}

test("letters, tabs and line breaks stay", () => {
  expect(shown("Fra:1\tMem:9M\r\nGröße 夜\n")).toBe("Fra:1\tMem:9M\nGröße 夜\n");
});

test("what a terminal would obey does not: colours, the cursor, the window's name, the clipboard", () => {
  expect(shown("\u001b[31mred\u001b[0m \u001b[2J\u001b[1;1Hgone\u0007")).toBe("red gone ");
  expect(shown("\u001b]0;root\u0007a \u001b]52;c;cm0gLXJm\u0007b \u009b2Jc \u202ed")).toBe("a b c  d");
});

test("a line that is drawn over and over becomes lines", () => {
  expect(shown("10%\r20%\r", "30%\r", "\ndone")).toBe("10%\n20%\n30%\ndone");
});

test("a sequence that is cut in two is still one", () => {
  const whole = "a\u001b[38;5;196mb\u001b[0m\r\nc";
  for (let at = 0; at <= whole.length; at++)
    expect(shown(whole.slice(0, at), whole.slice(at)), String(at)).toBe("ab\nc");
  expect(shown("end\u001b")).toBe("end ");
});
