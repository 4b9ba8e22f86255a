// The broker says of a frame list in a form what the command line says of the same one after --frames.
import { expect, test } from "vitest";
import { parseRange, RangeMistake } from "../openjd/range-expression.ts";
import { parseFrames } from "./frames.ts";

function said(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    return error instanceof RangeMistake ? error.asFrames : (error as Error).message;
  }
  throw new Error("this list is no mistake");
}

test.each(["1-1O", "five", "1,,2", "10-1", "10-1:2", "1-10,5", "1-10:3,7", "3,3", "1-5:0", "", "1-"])(
  'of "%s"',
  (text) => {
    const onCommandLine = said(() => parseFrames(text)).replace("--frames ", "");
    expect(said(() => parseRange(text))).toBe(onCommandLine);
  },
);
