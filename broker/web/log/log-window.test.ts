// A window over a log: lines, long lines, characters and colours across blocks, and never more than it may keep.
import { describe, expect, it } from "vitest";
import { blockBytes, createLogWindow, keptBlocks, type LogWindow } from "./log-window.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const texts = (window: LogWindow) => window.lines.map((line) => window.textOf(line));

describe("a window", () => {
  it("cuts at newlines, and keeps an unfinished last line", () => {
    const window = createLogWindow();
    window.append(0, bytes("one\ntwo\nthr"));
    expect(texts(window)).toEqual(["one\n", "two\n", "thr"]);
    window.append(11, bytes("ee\n"));
    expect(texts(window)).toEqual(["one\n", "two\n", "three\n"]);
  });

  it("takes nothing that does not fit where it ends", () => {
    const window = createLogWindow();
    window.append(0, bytes("one\n"));
    window.append(9, bytes("far\n"));
    window.append(2, bytes("again\n"));
    expect(texts(window)).toEqual(["one\n"]);
  });

  it("leaves out the half line at its beginning until the rest is there", () => {
    const window = createLogWindow(6);
    window.append(6, bytes("lf\nwhole\n"));
    expect(texts(window)).toEqual(["whole\n"]);
    window.prepend(0, bytes("ab\nha\u0021"));
    expect(texts(window)).toEqual(["ab\n", "ha!lf\n", "whole\n"]);
    expect(window.from).toBe(0);
  });

  it("cuts a long line neither inside a character nor inside a colour", () => {
    const line = `${"ä".repeat(20)}\u001b[31m${"ö".repeat(20)}`;
    for (let cut = 25; cut < 60; cut++) {
      const window = createLogWindow(0, cut);
      window.append(0, bytes(line));
      const pieces = texts(window);
      expect(pieces.join("")).toBe(line);
      expect(pieces.length).toBeGreaterThan(1);
      expect(
        pieces.filter((piece) => piece.includes("\u001b[31m")),
        `cut at ${cut}`,
      ).toHaveLength(1);
    }
  });

  it("knows how text looks where a line begins", () => {
    const window = createLogWindow();
    window.append(0, bytes("a\n\u001b[31mred\nstill\u001b[0m\nplain\n"));
    expect(window.lines.map((line) => window.lookAt(line).color)).toEqual([null, null, 1, null]);
  });

  it("finds the line of a byte", () => {
    const window = createLogWindow();
    window.append(0, bytes("one\ntwo\nthree\n"));
    expect([0, 3, 4, 7, 8, 99].map((at) => window.indexOf(at))).toEqual([0, 0, 1, 1, 2, 2]);
  });

  it("keeps no more than it may, whichever way one goes", () => {
    const block = bytes(`${"x".repeat(63)}\n`.repeat(blockBytes / 64));
    const window = createLogWindow();
    for (let n = 0; n < 20; n++) window.append(n * blockBytes, block);
    expect([window.from, window.to]).toEqual([(20 - keptBlocks) * blockBytes, 20 * blockBytes]);
    for (let at = window.from - blockBytes; at >= 0; at -= blockBytes) window.prepend(at, block);
    expect([window.from, window.to]).toEqual([0, keptBlocks * blockBytes]);
    expect(window.lines).toHaveLength((keptBlocks * blockBytes) / 64);
  });

  it("shows the middle of a line that is longer than everything", () => {
    const window = createLogWindow(1000, 100);
    window.append(1000, bytes("y".repeat(950)));
    expect(window.lines).toHaveLength(10);
  });

  it("cuts anew at another width", () => {
    const window = createLogWindow(0, 100);
    window.append(0, bytes("z".repeat(150)));
    expect(window.lines).toHaveLength(2);
    window.cutAt(50);
    expect(window.lines).toHaveLength(3);
  });
});
