// Sizes, durations, moments and names as a person reads them.
import { homedir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { counted, duration, frameFile, moment, rangeOf, shortPath, size } from "./humane.ts";
import { nearest } from "../contract/nearest.ts";
import { plain, plainLines, spelt, table, wantsColour } from "./style.ts";

test("counts", () => {
  expect([0, 1, 2, 12_000].map((count) => counted(count, "frame"))).toEqual([
    "0 frames",
    "1 frame",
    "2 frames",
    "12,000 frames",
  ]);
  expect(counted(2, "try", "tries")).toBe("2 tries");
});

test("sizes", () => {
  const sizes = [1, 999, 1000, 4_240_000, 17_400_000_000, 999_600_000].map(size);
  expect(sizes).toEqual(["1 byte", "999 bytes", "1.0 kB", "4.2 MB", "17 GB", "1.0 GB"]);
});

test("durations", () => {
  const durations = [0.42, 9.94, 42.4, 59.6, 185, 3599.7, 7800, 273_600].map(duration);
  expect(durations).toEqual([
    "0.4 s",
    "9.9 s",
    "42 s",
    "1 min 00 s",
    "3 min 05 s",
    "1 h 00 min",
    "2 h 10 min",
    "3 d 4 h",
  ]);
});

test("a span of time is said as shortly as it can be", () => {
  expect(rangeOf(540, 900)).toBe("9 to 15 min");
  expect(rangeOf(40, 100)).toBe("40 s to 2 min");
  expect(rangeOf(600, 601)).toBe("");
});

test("moments", () => {
  const now = new Date(2026, 2, 10, 15, 0).getTime();
  const before = (seconds: number) => moment(new Date(now - seconds * 1000).toISOString(), now);
  expect([3, 300, 3600, 24 * 3600, 9 * 24 * 3600].map(before)).toEqual([
    "just now",
    "5 min ago",
    "today 14:00",
    "yesterday 15:00",
    "2026-03-01 15:00",
  ]);
});

test("file names keep their end when they must be short, and the home folder is ~", () => {
  expect(shortPath(join(homedir(), "shots", "a.png"), 60)).toBe(join("~", "shots", "a.png"));
  const long = join("/mnt", "projects", "a-very-long-name-of-a-project", "shot-010", "0007.png");
  expect(shortPath(long, 26)).toBe(`…/${join("shot-010", "0007.png")}`);
});

test("frame numbers replace the last run of # as Blender writes them", () => {
  expect(frameFile("/r/v2###/##a###.png", 7)).toBe("/r/v2###/##a007.png");
  expect(frameFile("/r/####.png", -5)).toBe("/r/-0005.png");
  expect(frameFile("/r/#.png", 120)).toBe("/r/120.png");
  expect(frameFile("/r##/still.png", 7)).toBe("/r##/still.png");
});

test("the nearest word is a typing mistake away", () => {
  const words = ["submit", "show", "watch", "cancel", "requeue", "priority"];
  const meant = ["sumbit", "wacth", "cansel", "prio", "requeu", "frobnicate", "x"].map((word) =>
    nearest(word, words),
  );
  expect(meant).toEqual(["submit", "watch", "cancel", "priority", "requeue", undefined, undefined]);
});

test("tables align by what is seen, not by colour codes", () => {
  expect(
    table(
      [
        ["a", "1"],
        ["\u001b[31mlong\u001b[39m", "12"],
      ],
      [1],
    ),
  ).toBe("a      1\n\u001b[31mlong\u001b[39m  12\n");
});

test("colours: only on a terminal, and never against NO_COLOR", () => {
  expect(wantsColour({}, true)).toBe(true);
  expect(wantsColour({}, false)).toBe(false);
  expect(wantsColour({ NO_COLOR: "1" }, true)).toBe(false);
  expect(wantsColour({ TERM: "dumb" }, true)).toBe(false);
});

test("what others wrote is made plain, alone or in a whole answer", () => {
  expect(plain("a\u001b[31mb\r\nc\u009bd\u202ee\u2028f")).toBe("a [31mb c d e f");
  const answer = { "k\u0007": ["x\n", { deep: "y\u001b" }], count: 3, none: null, is: true };
  expect(plain(answer)).toEqual({ "k ": ["x ", { deep: "y " }], count: 3, none: null, is: true });
  const json = JSON.stringify({ name: "a\u009b2J\u007f\u001b" });
  expect(spelt(json)).toBe(String.raw`{"name":"a\u009b2J\u007f\u001b"}`);
  expect(JSON.parse(spelt(json))).toEqual(JSON.parse(json));
  expect(plainLines("one\n  two\u001b[2J\n")).toBe("one\n  two [2J\n");
});
