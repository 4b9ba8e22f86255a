// Sizes as people read them.
import { expect, it } from "vitest";
import { bytesText } from "./words.ts";

it.each([
  [0, "0 bytes"],
  [1, "1 byte"],
  [999, "999 bytes"],
  [1000, "1.0 kB"],
  [9960, "10 kB"],
  [999_600, "1.0 MB"],
  [200 * 1024 * 1024, "210 MB"],
  [5.2e12, "5.2 TB"],
])("%i is %s", (bytes, text) => {
  expect(bytesText(bytes)).toBe(text);
});
