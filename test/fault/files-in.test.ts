// Files on their way over bad lines: nothing is lost, nothing is sent twice without need, nothing is seen half-written.
import { randomBytes } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { fetchBlobs } from "../../container/agent/files/download.ts";
import { missingOf, uploadFiles } from "../../container/agent/files/upload.ts";
import type { Fault, SeenRequest } from "../support/fault-proxy.ts";
import {
  expectFetched,
  expectStored,
  expectWhole,
  few,
  into,
  kinds,
  openLines,
  someFiles,
  sumOf,
  type Lines,
} from "../support/file-transfers.ts";
import { testFolder } from "../support/start-broker.ts";

const tenths = [1, 2, 3, 4, 5, 6, 7, 8, 9];

/** Cuts one line, once so many bytes of requests went by in all. */
function cutAfter(lines: Lines, bytes: number): { cuts: SeenRequest[] } {
  const since = lines.mark();
  const cuts: SeenRequest[] = [];
  lines.onBytes((request) => {
    expectWhole(lines.blobs);
    if (cuts.length > 0) return undefined;
    const gone = since().reduce((sum, { bytesUp }) => sum + bytesUp, 0);
    const declared = Number(request.headers["content-length"] ?? 0);
    // The one that will carry the byte in question; a pack does not say how long it is.
    if (declared > 0 && gone + declared <= bytes) return undefined;
    cuts.push(request);
    return { cutUp: Math.max(0, bytes - gone) };
  });
  return { cuts };
}

/** The first requests that carry bytes meet this. */
const first = (count: number, fault: Fault) => {
  let left = count;
  return () => (left-- > 0 ? fault : undefined);
};

test.each(kinds)("network cut at every tenth of an upload (%s)", async (kind) => {
  const lines = await openLines(kind);
  for (const tenth of tenths) {
    const files = await someFiles(few);
    const { cuts } = cutAfter(lines, Math.floor((sumOf(files) * tenth) / 10));
    await uploadFiles(lines.client, files);
    expect(cuts).toHaveLength(1);
    expectStored(lines, files);
  }
});

test.each(kinds)("network cut at every tenth of a download (%s)", async (kind) => {
  const lines = await openLines(kind);
  const files = await someFiles(few);
  await uploadFiles(lines.client, files);
  for (const tenth of tenths) {
    const folder = testFolder();
    const long = files.filter(({ bytes }) => bytes > 262_144);
    let cuts = 0;
    // Every file's own line, at this tenth of its bytes.
    const cut = new Set<string>();
    const since = lines.mark();
    lines.onBytes(({ path }) => {
      expectWhole(folder);
      const blob = long.find(({ sha256 }) => path.includes(sha256));
      const name = blob?.sha256 ?? "pack";
      if (cut.has(name)) return undefined;
      cut.add(name);
      cuts++;
      return { cutDown: Math.floor(((blob?.bytes ?? 305_000) * tenth) / 10) };
    });
    await fetchBlobs(lines.client, files, into(folder));
    expectFetched(folder, files);
    expect(cuts).toBe(3);
    // What came before the cut was not fetched again.
    const again = since();
    const fetched = again.reduce((sum, { bytesDown }) => sum + bytesDown, 0);
    expect(fetched).toBeLessThan(sumOf(files) + 1_500_000);
    expect(again.some(({ headers }) => headers["range"] !== undefined)).toBe(true);
  }
});

test.each(kinds)("store answers 500, sending and fetching (%s)", async (kind) => {
  const lines = await openLines(kind);
  const [files, folder] = [await someFiles(few), testFolder()];
  lines.onBytes(first(4, { answer: { status: 500, body: "oops" } }));
  await uploadFiles(lines.client, files);
  expectStored(lines, files);
  lines.onBytes(first(4, { answer: { status: 500, body: "oops" } }));
  await fetchBlobs(lines.client, files, into(folder));
  expectFetched(folder, files);
});

test("store answers 500 and goes on with it: given up after a while, with a sentence; what was sent is not sent again", async () => {
  const lines = await openLines("folder");
  const files = await someFiles([3000, 900_000, 17_500_000]);
  // The second part and what follows never get there.
  lines.onBytes(({ path }) =>
    path.includes("part=2") ? { answer: { status: 500, body: "broken" } } : undefined,
  );
  const sending = uploadFiles(lines.client, files, { giveUpAfterMs: 300 });
  await expect(sending).rejects.toMatchObject({ code: "storage-down", status: 503 });
  await expect(sending).rejects.toThrow("The storage answered 500: broken. Try again later");
  expectWhole(lines.blobs);
  lines.onBytes(() => undefined);
  const since = lines.mark();
  await uploadFiles(lines.client, files);
  expectStored(lines, files);
  const parts = since().filter(({ path }) => path.includes("part="));
  expect(parts.some(({ path }) => path.includes("part=2"))).toBe(true);
  expect(parts.length).toBeLessThan(3);
});

test("store answers 500 to small files and goes on with it: told while it is waited for, given up after a while", async () => {
  const lines = await openLines("folder");
  const files = await someFiles([3000, 4000]);
  // The broker itself answers all the time: only what carries bytes fails.
  lines.onBytes(() => ({ answer: { status: 500, body: "broken" } }));
  const told: string[] = [];
  const sending = uploadFiles(lines.client, files, {
    giveUpAfterMs: 500,
    onWaiting: (why) => void told.push(why),
  });
  await expect(sending).rejects.toMatchObject({ status: 500 });
  expect(told.length).toBeGreaterThan(0);
  lines.onBytes(() => undefined);
  await uploadFiles(lines.client, files);
  expectStored(lines, files);
});

test.each(kinds)("503 with Retry-After is waited for (%s)", async (kind) => {
  const lines = await openLines(kind);
  const [files, folder] = [await someFiles([17_000_000]), testFolder()];
  const asked: number[] = [];
  const busy = () => {
    asked.push(performance.now());
    return asked.length === 1
      ? { answer: { status: 503, headers: { "retry-after": "1" }, body: "busy" } }
      : undefined;
  };
  lines.onBytes(busy);
  await uploadFiles(lines.client, files, { parallel: 1 });
  expectStored(lines, files);
  const gapOf = () => (asked[1] ?? 0) - (asked[0] ?? 0);
  // One place at a time, but hashing goes on: the next part may be first, and that one was not asked to wait.
  expect(Math.max(...asked) - (asked[0] ?? 0)).toBeGreaterThan(990);
  asked.length = 0;
  lines.onBytes(busy);
  await fetchBlobs(lines.client, files, into(folder));
  expectFetched(folder, files);
  expect(gapOf()).toBeGreaterThan(990);
});

test.each(kinds)("403 after expiry (re-sign): another address is asked for (%s)", async (kind) => {
  const lines = await openLines(kind);
  const [files, folder] = [await someFiles([900_000, 17_000_000]), testFolder()];
  const expired: Fault = {
    answer: { status: 403, body: "<Error><Message>Request has expired</Message></Error>" },
  };
  const before = lines.toBroker.seen.length;
  lines.onBytes(first(2, expired));
  await uploadFiles(lines.client, files);
  expectStored(lines, files);
  const signed = lines.toBroker.seen.slice(before).filter(({ path }) => /uploads(\/\w+\/parts)?$/.test(path));
  // A file in one piece, a file in three parts, and two that were asked for again.
  expect(signed.length).toBe(1 + 1 + 3 + 2);
  lines.onBytes(first(2, expired));
  await fetchBlobs(lines.client, files, into(folder));
  expectFetched(folder, files);
});

test("403 for ever is told after some tries", async () => {
  const lines = await openLines("folder");
  lines.onBytes(() => ({ answer: { status: 403, body: "This address has expired." } }));
  const sending = uploadFiles(lines.client, await someFiles([900_000]));
  await expect(sending).rejects.toThrow(
    "The storage answered 403: This address has expired. Try again later",
  );
  expectWhole(lines.blobs);
});

test.each(kinds)(
  "truncated bodies: an answer that ends too early is taken up where it ended (%s)",
  async (kind) => {
    const lines = await openLines(kind);
    const [files, folder] = [await someFiles(few), testFolder()];
    await uploadFiles(lines.client, files);
    const seen = new Set<string>();
    lines.onBytes(({ path }) => {
      expectWhole(folder);
      const name = path.split("?")[0] as string;
      if (seen.has(name)) return undefined;
      seen.add(name);
      return { truncateDown: 250_000 };
    });
    await fetchBlobs(lines.client, files, into(folder));
    expect(seen.size).toBe(3);
    expectFetched(folder, files);
  },
);

const flipped = (at: number) => (piece: Buffer, offset: number) => {
  if (at < offset || at >= offset + piece.length) return piece;
  const copy = Buffer.from(piece);
  copy[at - offset] = (copy[at - offset] as number) ^ 1;
  return copy;
};

test.each(kinds)("wrong bytes on the way are refused and sent again (%s)", async (kind) => {
  const lines = await openLines(kind);
  const [files, folder] = [await someFiles(few), testFolder()];
  const seen = new Set<string>();
  const once = (fault: Fault) => (request: SeenRequest) => {
    expectWhole(lines.blobs);
    expectWhole(folder);
    // Those in one piece and the first parts, and packs; a small file that is asked for alone was in a pack before.
    const blob = files.find(({ sha256 }) => request.path.includes(sha256));
    const name = blob?.sha256 ?? "pack";
    if (seen.has(name) || (blob && blob.bytes <= 262_144)) return undefined;
    seen.add(name);
    return fault;
  };
  lines.onBytes(once({ changeUp: flipped(5000) }));
  await uploadFiles(lines.client, files);
  expect(seen.size).toBe(3);
  expectStored(lines, files);
  seen.clear();
  lines.onBytes(once({ changeDown: flipped(5000) }));
  await fetchBlobs(lines.client, files, into(folder));
  expect(seen.size).toBe(3);
  expectFetched(folder, files);
});

test.each(kinds)("wrong bytes every time: no file, and a sentence (%s)", async (kind) => {
  const lines = await openLines(kind);
  const [files, folder] = [await someFiles([900_000]), testFolder()];
  await uploadFiles(lines.client, files);
  lines.onBytes(() => ({ changeDown: flipped(77) }));
  await expect(fetchBlobs(lines.client, files, into(folder))).rejects.toThrow("arrived damaged twice");
  expectFetched(folder, []);
  // The broker looked itself: its own are right, and stay.
  lines.onBytes(() => undefined);
  expect(await missingOf(lines.client, files)).toEqual([]);
});

test("wrong bytes in the store itself: the broker drops them, and they can be sent anew", async () => {
  const lines = await openLines("folder");
  const [files, folder] = [await someFiles([3000, 900_000]), testFolder()];
  await uploadFiles(lines.client, files);
  for (const { sha256, bytes } of files) {
    const path = join(lines.blobs, sha256.slice(0, 2), sha256);
    rmSync(path);
    writeFileSync(path, randomBytes(bytes));
  }
  for (const file of files)
    // oxlint-disable-next-line no-await-in-loop -- each by itself
    await expect(fetchBlobs(lines.client, [file], into(folder))).rejects.toThrow("arrived damaged twice");
  expectFetched(folder, []);
  expect(await missingOf(lines.client, files)).toEqual(files);
  await uploadFiles(lines.client, files);
  await fetchBlobs(lines.client, files, into(folder));
  expectFetched(folder, files);
});
