// What is said while files move: little, and nothing of what is over at once.
import { expect, test } from "vitest";
import { createTransferProgress, lookingText, movingText } from "./transfer-progress.ts";

const half = { doneFiles: 312, totalFiles: 10_000, doneBytes: 1.2e9, totalBytes: 4e9 };

test("files, bytes, rate and time left in one line", () => {
  expect(movingText("Uploading", half, { bytesPerSecond: 95e6, secondsLeft: 29.5 })).toBe(
    "Uploading 312 of 10,000 files, 1.2 of 4.0 GB, 95 MB/s, 30 s left",
  );
  expect(
    movingText(
      "Bringing",
      { ...half, doneBytes: 800_000, totalFiles: 1, doneFiles: 0 },
      { bytesPerSecond: 0, secondsLeft: null },
    ),
  ).toBe("Bringing 0 of 1 file, 800 kB of 4.0 GB");
  expect(lookingText(half)).toBe("Looking at 312 of 10,000 files, 1.2 of 4.0 GB …");
});

test("a pipe gets a line every few seconds, a terminal one that changes; both nothing in the first half second", () => {
  for (const isTerminal of [false, true]) {
    let at = 0;
    const printed: string[] = [];
    const progress = createTransferProgress({
      isTerminal,
      now: () => at,
      width: () => 40,
      print: (text) => void printed.push(text),
    });
    for (at = 0; at <= 11_000; at += 50) progress.looking(half);
    progress.close();
    if (isTerminal) {
      expect(printed.length).toBeGreaterThan(100);
      expect(printed[0]?.startsWith("\r\u001b[2KLooking at")).toBe(true);
      expect(printed.every((text) => text.length <= 44)).toBe(true);
      expect(printed.at(-1)).toBe("\r\u001b[2K");
    } else expect(printed).toEqual(Array.from({ length: 3 }, () => `${lookingText(half)}\n`));
  }
});

test("why nothing comes through is told once, in a line of its own", () => {
  let at = 0;
  const printed: string[] = [];
  const progress = createTransferProgress({
    isTerminal: true,
    now: () => at,
    width: () => 40,
    print: (text) => void printed.push(text),
  });
  at = 1000;
  progress.looking(half);
  progress.waiting("The storage refuses the broker's keys.");
  progress.waiting("The storage refuses the broker's keys.");
  expect(printed.slice(1)).toEqual([
    "\r\u001b[2K",
    "The storage refuses the broker's keys. It is tried again for some minutes; Ctrl-C stops.\n",
  ]);
});

test("--json says nothing", () => {
  const printed: string[] = [];
  const progress = createTransferProgress({
    silent: true,
    now: () => 1e6,
    print: (text) => void printed.push(text),
  });
  progress.looking(half);
  progress.waiting("The storage answered 503");
  progress.close();
  expect(printed).toEqual([]);
});
