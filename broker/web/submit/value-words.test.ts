// The form speaks of values as artists do, and sends them as the template spells them.
import { expect, it } from "vitest";
import { presetWords, withoutPreset, wordsOf } from "./value-words.ts";

it("has words for well-known values and leaves others as they are", () => {
  expect(["SCENE", "GPU_OR_CPU", "PNG", "toString", "my own"].map((value) => wordsOf(value))).toEqual([
    "as the scene has it",
    "GPU, else CPU",
    "PNG",
    "toString",
    "my own",
  ]);
  expect([wordsOf(""), wordsOf("", "as the scene has it")]).toEqual(["as it is", "as the scene has it"]);
});

it("finds in a description what the preset means", () => {
  expect(presetWords("0", "Samples for each pixel; 0 means as the scene has it.")).toBe(
    "as the scene has it",
  );
  expect(presetWords("0", "Stop later, in seconds; 0 means never.")).toBe("never");
  expect(presetWords("", "From this camera. Empty means the scene's own, with its markers.")).toBe(
    "the scene's own",
  );
  expect(presetWords("0", "10 means ten.")).toBeNull();
  expect(presetWords("5", "0 means none.")).toBeNull();
  expect(presetWords(null, "Empty means none.")).toBeNull();
});

it("leaves out of a description what the field itself shows, and nothing else", () => {
  expect(withoutPreset("0", "Samples for each pixel; 0 means as the scene has it.")).toBe(
    "Samples for each pixel.",
  );
  expect(withoutPreset("", "The format. Empty means as the scene has it.")).toBe("The format.");
  expect(withoutPreset("", "Empty means none.")).toBe("");
  for (const [preset, text] of [
    ["", "From this camera. Empty means the scene's own, with its markers."],
    ["5", "0 means none."],
    ["0", "How many."],
  ] as const)
    expect(withoutPreset(preset, text)).toBe(text);
});
