// What Blender writes, cut into log lines and messages of the driver.
import { expect, test } from "vitest";
import { splitLines } from "./blender-process.ts";

function heard(...pieces: string[]) {
  const log: string[] = [];
  const messages: unknown[] = [];
  const split = splitLines<unknown>("\x1eword ", {
    log: (line) => log.push(line),
    message: (message) => messages.push(message),
  });
  for (const piece of pieces) split.feed(Buffer.from(piece));
  split.end();
  return { log, messages };
}

test("messages stand apart from the log, also behind an unfinished line", () => {
  expect(heard("Fra:1 Mem:3M\r\nSav", 'ing\x1eword {"event":"done"}\nend')).toEqual({
    log: ["Fra:1 Mem:3M", "Saving", "end"],
    messages: [{ event: "done" }],
  });
});

test("a message that was cut off when Blender was killed is left out, and ends nothing else", () => {
  expect(heard('Saving\n\x1eword {"event":"fi')).toEqual({ log: ["Saving"], messages: [] });
});

test("a scene that prints what looks like a message without the word is log", () => {
  const line = '\x1eother {"event":"done","ok":true}';
  expect(heard(`${line}\n`)).toEqual({ log: [line], messages: [] });
});
