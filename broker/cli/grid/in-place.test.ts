// Lines that are drawn anew in place: how often, in how many writes, and that the cursor comes back. What a terminal makes
// of them is tried on a real one in test/e2e/watch-terminal.test.ts.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Size } from "./block.ts";
import { createInPlace } from "./in-place.ts";

beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
afterEach(() => void vi.useRealTimers());

function open(lines: string[]) {
  const writes: string[] = [];
  const size: Size = { columns: 40, rows: 10 };
  let resized = (): void => undefined;
  const block = createInPlace(
    {
      write: (text) => void writes.push(text),
      size: () => size,
      onResize(listener) {
        resized = listener;
        return () => (resized = () => undefined);
      },
    },
    () => [...lines],
  );
  return {
    block,
    writes,
    resize: (columns: number): void => {
      size.columns = columns;
      resized();
    },
  };
}

/** A write without the escapes around it. */
const within = (write: string | undefined) =>
  // oxlint-disable-next-line no-control-regex -- escapes are what it is about
  /^\u001b\[\?2026h(?:\u001b\[\?25l)?([^]*)\u001b\[\?2026l$/.exec(write ?? "")?.[1];

test("the first change is drawn at once and hides the cursor; the others at most ten times a second, one write each", () => {
  const lines = ["one", "two"];
  const { block, writes } = open(lines);
  block.change();
  expect(writes).toEqual(["\u001b[?2026h\u001b[?25l\rone\u001b[K\r\ntwo\u001b[K\u001b[J\r\u001b[?2026l"]);
  for (let ms = 0; ms < 1000; ms++) {
    lines[1] = `two ${ms}`;
    block.change();
    vi.advanceTimersByTime(1);
  }
  expect(writes.length).toBeGreaterThanOrEqual(10);
  expect(writes.length).toBeLessThanOrEqual(12);
  block.close();
});

test("only lines that changed are written; nothing where nothing changed", () => {
  const lines = ["one", "two", "three"];
  const { block, writes } = open(lines);
  block.change();
  vi.advanceTimersByTime(100);
  block.change();
  vi.advanceTimersByTime(100);
  expect(writes).toHaveLength(1);
  lines[1] = "2";
  block.change();
  expect(within(writes[1])).toBe("\r\u001b[2A\r\n2\u001b[K\r\n\r");
  lines.pop();
  vi.advanceTimersByTime(100);
  block.change();
  expect(within(writes[2])).toBe("\r\u001b[2Aone\u001b[K\r\n2\u001b[K\u001b[J\r");
  block.close();
});

test("text above comes in the same write as the lines below it, and not more often", () => {
  const { block, writes } = open(["one", "two"]);
  block.change();
  block.above("failed");
  block.above("  read on");
  expect(writes).toHaveLength(1);
  vi.advanceTimersByTime(100);
  expect(writes).toHaveLength(2);
  expect(within(writes[1])).toBe(
    "\r\u001b[1Afailed\u001b[K\r\n  read on\u001b[K\r\none\u001b[K\r\ntwo\u001b[K\u001b[J\r",
  );
  block.close();
  block.above("later");
  expect(writes.at(-1)).toBe("later\n");
});

test("a terminal that became narrower broke the lines: all their pieces are drawn over, once the window rests", () => {
  const { block, writes, resize } = open([
    "x".repeat(35),
    `\u001b[32m${"y".repeat(30)}\u001b[39m`,
    "z".repeat(35),
  ]);
  block.change();
  for (const columns of [30, 24, 16]) {
    resize(columns);
    vi.advanceTimersByTime(50);
    block.change();
  }
  expect(writes).toHaveLength(1);
  vi.advanceTimersByTime(100);
  // 35 columns are three rows of 16, 30 are two; the cursor stands at the beginning of the last line.
  expect(within(writes[1])?.startsWith("\r\u001b[5A")).toBe(true);
  block.close();
});

test("the cursor is given back at the end, on an exit, and before a signal ends the process", () => {
  const kill = vi.spyOn(process, "kill").mockReturnValue(true);
  const before = process.listenerCount("exit");
  const first = open(["one"]);
  first.block.change();
  first.block.close();
  expect(first.writes.at(-1)).toBe("\r\n\u001b[?25h");
  const second = open(["one"]);
  second.block.change();
  process.emit("SIGTERM", "SIGTERM");
  expect(second.writes.at(-1)).toBe("\rone\u001b[K\r\n\u001b[?25h");
  expect(kill).toHaveBeenCalledExactlyOnceWith(process.pid, "SIGTERM");
  const third = open(["one"]);
  third.block.change();
  process.emit("exit", 1);
  expect(third.writes.at(-1)).toContain("\u001b[?25h");
  third.block.close();
  expect(process.listenerCount("exit")).toBe(before);
  kill.mockRestore();
});

test("what never drew anything leaves the terminal alone", () => {
  const { block, writes } = open([]);
  block.change();
  block.above("nothing yet");
  block.close();
  expect(writes).toEqual(["nothing yet\n"]);
});

test("a signal that a system cannot send ends the process all the same, with the cursor given back", () => {
  const { block, writes } = open(["one"]);
  block.change();
  const kill = vi.spyOn(process, "kill").mockImplementation(() => {
    throw Object.assign(new Error("kill EINVAL"), { code: "EINVAL" });
  });
  const exit = vi.spyOn(process, "exit").mockImplementation((() => undefined) as never);
  try {
    process.emit("SIGHUP", "SIGHUP");
    expect(exit).toHaveBeenCalledExactlyOnceWith(129);
    expect(writes.at(-1)).toContain("\u001b[?25h");
  } finally {
    kill.mockRestore();
    exit.mockRestore();
    block.close();
  }
});
