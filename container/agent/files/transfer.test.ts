// Files sent to a real broker and fetched again, over a good line, with either store.
import { createHash, randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createClient, ProblemError } from "../../../broker/contract/client.ts";
import {
  expectFetched,
  expectStored,
  kinds,
  openLines,
  someFiles,
  sumOf,
} from "../../../test/support/file-transfers.ts";
import { testFolder } from "../../../test/support/start-broker.ts";
import { fetchBlobs } from "./download.ts";
import type { Progress } from "./progress.ts";
import { missingOf, uploadBytes, uploadFiles } from "./upload.ts";

test.each(kinds)("files of every size go there and come back (%s)", async (kind) => {
  const lines = await openLines(kind);
  const files = await someFiles();
  expect(await missingOf(lines.client, files)).toEqual(files);
  const up: Progress[] = [];
  await uploadFiles(lines.client, files, { onProgress: (progress) => up.push(progress) });
  expectStored(lines, files);
  expect(await missingOf(lines.client, files)).toEqual([]);
  const total = { totalFiles: files.length, totalBytes: sumOf(files) };
  expect(up.at(-1)).toEqual({ doneFiles: files.length, doneBytes: sumOf(files), ...total });
  expect(up.filter(({ doneBytes }) => doneBytes > 0 && doneBytes < total.totalBytes).length).toBeGreaterThan(
    20,
  );
  // No token ever goes to an address that needs none.
  const signed = lines.carried().filter(({ path }) => !path.startsWith("/v1/"));
  expect(signed.length).toBeGreaterThan(3);
  expect(signed.filter(({ headers }) => "authorization" in headers)).toEqual([]);

  const folder = testFolder();
  const down: Progress[] = [];
  const named = new Map<string, string>();
  await fetchBlobs(lines.client, [...files, ...files], ({ sha256 }) => join(folder, sha256), {
    onProgress: (progress) => down.push(progress),
    onBlob: ({ sha256 }, path) => named.set(sha256, path),
    sync: true,
  });
  expectFetched(folder, files);
  expect(down.at(-1)).toEqual({ doneFiles: files.length, doneBytes: sumOf(files), ...total });
  expect([...named.keys()].toSorted()).toEqual(files.map(({ sha256 }) => sha256).toSorted());
});

test("only what is missing is sent, and of two files with the same bytes one", async () => {
  const lines = await openLines("folder");
  const files = await someFiles([5000, 300_000, 17_000_000]);
  await uploadFiles(lines.client, files);
  const before = lines.carried().length;
  const more = await someFiles([6000]);
  const [one] = more;
  if (!one) throw new Error("no file");
  const seen: Progress[] = [];
  const doubled = [...files, one, { ...one, path: `${one.path}` }];
  await uploadFiles(lines.client, doubled, { onProgress: (progress) => seen.push(progress) });
  expect(lines.carried().length).toBe(before + 1);
  expect(seen.at(-1)).toEqual({ doneFiles: 1, doneBytes: 6000, totalFiles: 1, totalBytes: 6000 });
  expectStored(lines, [...files, ...more]);
});

test.each([0, 1000, 400_000])("%i bytes from memory, such as a manifest", async (length) => {
  const lines = await openLines("folder");
  const data = randomBytes(length);
  const blob = await uploadBytes(lines.client, data);
  expect(blob).toEqual({ sha256: createHash("sha256").update(data).digest("hex"), bytes: length });
  const carried = lines.carried().length;
  await uploadBytes(lines.client, data);
  expect(lines.carried().length).toBe(carried);
  const path = join(testFolder(), "deep", "down");
  await fetchBlobs(lines.client, [blob], () => path);
  expect(readFileSync(path).equals(data)).toBe(true);
});

test("what the broker refuses for good is not tried again; what it does not have is named", async () => {
  const lines = await openLines("folder");
  const files = await someFiles([100, 300_000]);
  const stranger = createClient(lines.toBroker.url, "not-a-token");
  await expect(uploadFiles(stranger, files)).rejects.toThrow(ProblemError);
  expect(lines.toBroker.seen.length).toBe(1);
  const folder = testFolder();
  const fetching = fetchBlobs(lines.client, files.slice(0, 1), ({ sha256 }) => join(folder, sha256));
  await expect(fetching).rejects.toThrow("The broker no longer has the bytes");
  expectFetched(folder, []);
});
