// Reading a log of 200 MB: only what is looked at comes, and no more than a few blocks stay.
import { expect, it } from "vitest";
import { createLogReader, type LogReader } from "./log-reader.ts";
import { blockBytes, keptBlocks } from "./log-window.ts";

const lineBytes = 64;

/** A log whose line n says n, made where it is read. */
function hugeLog(length: number) {
  const asked = { bytes: 0, fails: false };
  return {
    asked,
    read: (from: number, limit: number): Promise<Uint8Array> => {
      if (asked.fails) return Promise.reject(new Error("no answer"));
      const end = Math.min(length, from + limit);
      asked.bytes += end - from;
      const first = Math.floor(from / lineBytes);
      let text = "";
      for (let n = first; n * lineBytes < end; n++) text += `line ${n}`.padEnd(lineBytes - 1, ".") + "\n";
      return Promise.resolve(
        new TextEncoder().encode(text).slice(from - first * lineBytes, end - first * lineBytes),
      );
    },
  };
}

/** A reader, and a way to wait until nothing is on its way. */
function readerOf(read: (from: number, limit: number) => Promise<Uint8Array>) {
  const waiting: (() => void)[] = [];
  const reader: LogReader = createLogReader(read, () => {
    if (!reader.busy) for (const one of waiting.splice(0)) one();
  });
  const settled = () => (reader.busy ? new Promise<void>((done) => waiting.push(done)) : Promise.resolve());
  return { reader, settled };
}

const first = ({ window }: LogReader) => window.textOf(window.lines[0] ?? { from: 0, to: 0 }).split(".")[0];
const last = ({ window }: LogReader) =>
  window.textOf(window.lines.at(-1) ?? { from: 0, to: 0 }).split(".")[0];

it("shows the end, the beginning and the middle of 200 MB without bringing them all", async () => {
  const length = 200 * 1024 * 1024;
  const { read, asked } = hugeLog(length);
  const { reader, settled } = readerOf(read);
  reader.grow(length, true);
  reader.jump(length);
  await settled();
  expect([last(reader), reader.hasEnd]).toEqual([`line ${length / lineBytes - 1}`, true]);
  reader.jump(0);
  await settled();
  expect(first(reader)).toBe("line 0");
  reader.jump(length / 2);
  await settled();
  const middle = reader.window.indexOf(length / 2);
  expect(reader.window.textOf(reader.window.lines[middle] ?? { from: 0, to: 0 })).toContain(
    `line ${length / 2 / lineBytes}.`,
  );
  for (let n = 0; n < 2 * keptBlocks; n++) {
    reader.extend("before");
    // oxlint-disable-next-line no-await-in-loop -- as somebody scrolls
    await settled();
  }
  expect(reader.window.to - reader.window.from).toBeLessThanOrEqual(keptBlocks * blockBytes);
  expect(reader.window.lines.length).toBeLessThanOrEqual((keptBlocks * blockBytes) / lineBytes);
  expect(asked.bytes).toBeLessThan(8 * 1024 * 1024);
});

it("follows what comes", async () => {
  const { read } = hugeLog(blockBytes * 3);
  const { reader, settled } = readerOf((from, limit) => read(from, Math.min(limit, reader.length - from)));
  reader.grow(128, false);
  reader.jump(128);
  await settled();
  reader.grow(256, false);
  expect(reader.hasEnd).toBe(false);
  reader.extend("behind");
  await settled();
  expect([last(reader), reader.hasEnd]).toEqual(["line 3", true]);
});

it("keeps what it shows when the broker does not answer, and goes on when it does again", async () => {
  const { read, asked } = hugeLog(blockBytes * 4);
  const { reader, settled } = readerOf(read);
  reader.grow(blockBytes * 4, true);
  reader.jump(0);
  await settled();
  asked.fails = true;
  reader.extend("behind");
  await settled();
  expect(reader.error).toBeInstanceOf(Error);
  expect(first(reader)).toBe("line 0");
  asked.fails = false;
  reader.retry();
  await settled();
  expect([reader.error, reader.window.to]).toEqual([null, blockBytes * 3]);
});
