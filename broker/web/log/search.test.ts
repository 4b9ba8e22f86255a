// Words are found wherever a log is cut, in colours, in other alphabets, and while the log still grows.
import { expect, it } from "vitest";
import { createLogSearch, type ReadLog } from "./search.ts";

const signal = new AbortController().signal;
/** Answers no more than `most` bytes, however many are asked for: cuts fall everywhere. */
const logOf = (text: string, most: number): { read: ReadLog; length: number } => {
  const bytes = new TextEncoder().encode(text);
  return {
    read: (from, limit) => Promise.resolve(bytes.slice(from, from + Math.min(limit, most))),
    length: bytes.length,
  };
};

it.each([1, 2, 3, 5, 8, 1000])("finds lines when %i bytes come at a time", async (most) => {
  const { read, length } = logOf("Fra:1 ok\nERROR: no camera\nFra:2\nan error again", most);
  const search = createLogSearch("error");
  await search.run(length, read, signal, () => undefined);
  expect(search.places).toEqual([9, 32]);
});

it("finds words with colours inside, and words of other alphabets in either case", async () => {
  const { read, length } = logOf("Fe\u001b[1mhl\u001b[0mer\nÜBERHITZT\n漢字\n", 7);
  for (const [words, place] of [
    ["fehler", 0],
    ["überhitzt", 15],
    ["漢字", 26],
  ] as const) {
    const search = createLogSearch(words);
    // oxlint-disable-next-line no-await-in-loop -- three small searches
    await search.run(length, read, signal, () => undefined);
    expect(search.places, words).toEqual([place]);
  }
});

it("goes on where it was when the log has grown, and finds a line that was half there", async () => {
  const { read } = logOf("one\nneedle\ntwo\nneedle", 4);
  const search = createLogSearch("needle");
  await search.run(11, read, signal, () => undefined);
  expect(search.places).toEqual([4]);
  await search.run(21, read, signal, () => undefined);
  expect([search.places, search.count, search.to]).toEqual([[4, 15], 2, 21]);
});

it("counts a line once that grew while it was looked at", async () => {
  const { read } = logOf("one\nneedle and more nee", 4);
  const search = createLogSearch("needle");
  await search.run(7, read, signal, () => undefined);
  expect(search.count).toBe(0);
  await search.run(12, read, signal, () => undefined);
  expect(search.places).toEqual([4]);
  await search.run(23, read, signal, () => undefined);
  expect([search.places, search.count]).toEqual([[4], 1]);
});

it("stops when nobody wants it any more", async () => {
  const { read, length } = logOf("needle\n".repeat(100), 7);
  const stop = new AbortController();
  const search = createLogSearch("needle");
  await search.run(length, read, stop.signal, () => search.count === 3 && stop.abort());
  expect(search.count).toBe(3);
});
