// Files on their way while the world goes on: others send them too, they change, the broker restarts, the disk fills up.
import { spawn, spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { appendFileSync, readdirSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { fetchBlobs } from "../../container/agent/files/download.ts";
import { hashFiles } from "../../container/agent/files/hash.ts";
import { statFiles } from "../../container/agent/files/scan.ts";
import { uploadFiles } from "../../container/agent/files/upload.ts";
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
  type Sent,
} from "../support/file-transfers.ts";
import type { FetchOnFullDisk } from "../support/full-disk-fetch.ts";
import { testFolder } from "../support/start-broker.ts";

test.each(kinds)("two clients upload the same blob at once (%s)", async (kind) => {
  const lines = await openLines(kind);
  const files = await someFiles(few);
  await Promise.all([1, 2, 3].map(() => uploadFiles(lines.client, files)));
  expectStored(lines, files);
  const folder = testFolder();
  await fetchBlobs(lines.client, files, into(folder));
  expectFetched(folder, files);
});

/** A file of so many bytes whose first bytes are others now, its size the same. */
function change(file: Sent): void {
  const { path, bytes } = file;
  truncateSync(path, 0);
  writeFileSync(path, randomBytes(Math.min(bytes, 1000)));
  truncateSync(path, bytes);
}

test.each([3000, 900_000, 17_500_000])(
  "a file that changes while it is read is noticed: %i bytes, changed after its hash was taken",
  async (bytes) => {
    const lines = await openLines("folder");
    const [file] = (await someFiles([bytes])) as [Sent];
    for (const spoil of [
      change,
      ({ path }: Sent) => truncateSync(path, 10),
      ({ path }: Sent) => rmSync(path),
    ]) {
      spoil(file);
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await expect(uploadFiles(lines.client, [file])).rejects.toMatchObject({
        name: "FileChangedError",
        path: file.path,
      });
      expect([...expectWhole(lines.blobs)]).toEqual([]);
    }
  },
);

test("a file that changes while it is read is noticed: between two parts, and its first parts do not count later", async () => {
  const lines = await openLines("folder");
  const [file] = (await someFiles([40_000_000])) as [Sent];
  let parts = 0;
  lines.onBytes(() => {
    if (++parts === 3) appendFileSync(file.path, "more");
    return undefined;
  });
  await expect(uploadFiles(lines.client, [file], { parallel: 1 })).rejects.toThrow(
    "changed while it was read",
  );
  expect([...expectWhole(lines.blobs)]).toEqual([]);
  // As it was before: all of it is sent, and whole.
  truncateSync(file.path, file.bytes);
  const { files } = await statFiles([file.path]);
  const { sha256s } = await hashFiles(files);
  expect(sha256s).toEqual([file.sha256]);
  parts = 10;
  await uploadFiles(lines.client, [{ ...(files[0] as Sent), sha256: file.sha256 }]);
  expect(parts - 10).toBe(5);
  expectStored(lines, [file]);
});

test.each(kinds)(
  "cancel leaves nothing running and nothing half-written; called again it sends the rest (%s)",
  async (kind) => {
    const lines = await openLines(kind);
    const files = await someFiles([3000, 900_000, 60_000_000]);
    const canceler = new AbortController();
    const sending = uploadFiles(lines.client, files, {
      signal: canceler.signal,
      // Four parts may be under way, and one that is not complete does not count.
      onProgress: ({ doneBytes }) => doneBytes > 50_000_000 && canceler.abort(new Error("enough")),
    });
    await expect(sending).rejects.toThrow("enough");
    const since = lines.mark();
    expectWhole(lines.blobs);
    const again: number[] = [];
    await uploadFiles(lines.client, files, { onProgress: ({ doneBytes }) => again.push(doneBytes) });
    expectStored(lines, files);
    const sent = since().reduce((sum, { bytesUp }) => sum + bytesUp, 0);
    expect(sent).toBeLessThan(sumOf(files) - 10_000_000);
    // What was there already is there from the start.
    expect(again.find((bytes) => bytes > 0)).toBeGreaterThan(2999);

    const folder = testFolder();
    const stop = new AbortController();
    const fetching = fetchBlobs(lines.client, files, into(folder), {
      signal: stop.signal,
      onProgress: ({ doneBytes }) => doneBytes > 20_000_000 && stop.abort(new Error("enough")),
    });
    await expect(fetching).rejects.toThrow("enough");
    expectWhole(folder);
    expect(readdirSync(folder).filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([]);
    await fetchBlobs(lines.client, files, into(folder));
    expectFetched(folder, files);
  },
);

test.each(kinds)(
  "broker restart in an upload and in a download: both go on by themselves (%s)",
  async (kind) => {
    const lines = await openLines(kind);
    const [files, folder] = [await someFiles([3000, 900_000, 40_000_000]), testFolder()];
    const restartAt = (bytes: number) => {
      let restarting: Promise<void> | undefined;
      return {
        onProgress: ({ doneBytes }: { doneBytes: number }) => {
          if (doneBytes > bytes) restarting ??= lines.restart();
        },
        done: async () => {
          expect(restarting).toBeDefined();
          await restarting;
        },
      };
    };
    const up = restartAt(10_000_000);
    await uploadFiles(lines.client, files, up);
    await up.done();
    expectStored(lines, files);
    const down = restartAt(10_000_000);
    await fetchBlobs(lines.client, files, into(folder), down);
    await down.done();
    expectFetched(folder, files);
  },
);

test("the client's disk is full: the file is named, nothing half-written is left (Linux only)", async (context) => {
  if (spawnSync("unshare", ["-rm", "--", "true"]).status !== 0) context.skip();
  const lines = await openLines("folder");
  const files = await someFiles([3000, 200_000, 900_000, 5_000_000]);
  await uploadFiles(lines.client, files);
  const program = join(import.meta.dirname, "../support/full-disk-fetch.ts");
  const child = spawn("unshare", ["-rm", "--", process.execPath, program, testFolder()], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const gone = once(child, "exit");
  child.stdin.end(JSON.stringify({ url: lines.client.url, token: lines.token, blobs: files }, hugeAsText));
  const answer = JSON.parse(await text(child.stdout)) as FetchOnFullDisk;
  await gone;
  expect(answer.refused).toMatch(
    /^FileUnwritableError ENOSPC The file .* cannot be written: the disk is full\./,
  );
  expect(answer.left.filter((name) => !/^[0-9a-f]{64}$/.test(name))).toEqual([]);
  expect(answer.left.length).toBeLessThan(files.length);
  // With room it goes on.
  expect(answer.after.toSorted()).toEqual(files.map(({ sha256 }) => sha256).toSorted());
});

const hugeAsText = (_: string, value: unknown) => (typeof value === "bigint" ? String(value) : value);

test("an edit of one file among many sends that one alone", async () => {
  const lines = await openLines("folder");
  const files = await someFiles(Array.from({ length: 300 }, (_, n) => 500 + n));
  await uploadFiles(lines.client, files);
  const [one] = files as [Sent];
  writeFileSync(one.path, "changed");
  utimesSync(one.path, new Date(), new Date());
  const { files: found } = await statFiles(files.map(({ path }) => path));
  const { sha256s } = await hashFiles(found);
  const since = lines.mark();
  await uploadFiles(
    lines.client,
    found.map((file, index) => ({ ...file, sha256: sha256s[index] as string })),
  );
  const sent = since();
  expect(sent.map(({ bytesUp }) => bytesUp)).toEqual([8 + 40 + 7 + 40]);
});
