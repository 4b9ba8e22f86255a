// Hashes are right, the cache saves the reading and never lies, and what changes meanwhile is noticed.
import { createHash } from "node:crypto";
import { appendFileSync, mkdtempSync, rmSync, truncateSync, utimesSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openHashCache } from "./hash-cache.ts";
import { hashFile, hashFiles, type Progress } from "./hash.ts";
import { scanFolder, statFiles } from "./scan.ts";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "tally-hash-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}
const shaOf = (data: string | Uint8Array) => createHash("sha256").update(data).digest("hex");
const longAgo = new Date(Date.now() - 3_600_000);

test("many small files, an empty one and a long one: every hash is right, progress ends at the total", async () => {
  const root = folder();
  for (let n = 0; n < 600; n++) writeFileSync(join(root, `${n}.txt`), `file ${n}`);
  writeFileSync(join(root, "empty"), "");
  const long = Buffer.alloc(40 * 2 ** 20, "tally");
  writeFileSync(join(root, "long"), long);
  const { files } = await scanFolder(root);
  const seen: Progress[] = [];
  const { sha256s, changed } = await hashFiles(files, { onProgress: (progress) => seen.push(progress) });
  expect(changed).toEqual([]);
  const byName = new Map(files.map(({ path }, index) => [path.slice(root.length + 1), sha256s[index]]));
  expect(byName.get("empty")).toBe(shaOf(""));
  expect(byName.get("long")).toBe(shaOf(long));
  for (let n = 0; n < 600; n++) expect(byName.get(`${n}.txt`)).toBe(shaOf(`file ${n}`));
  const totalBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(seen.at(-1)).toEqual({ doneFiles: 602, totalFiles: 602, doneBytes: totalBytes, totalBytes });
  // The long one is told piece by piece.
  expect(seen.some(({ doneBytes }) => doneBytes > 30 * 2 ** 20 && doneBytes < long.length)).toBe(true);
  expect(await hashFile(join(root, "long"))).toEqual({ sha256: shaOf(long), bytes: long.length });
});

test("a sparse file has the hash of its zeros", async () => {
  const path = join(folder(), "sparse");
  writeFileSync(path, "");
  truncateSync(path, 20 * 2 ** 20);
  const { sha256s } = await hashFiles((await statFiles([path])).files);
  expect(sha256s).toEqual([shaOf(Buffer.alloc(20 * 2 ** 20))]);
});

test("the cache answers for path, size, modification time and inode together", async () => {
  const root = folder();
  const cache = openHashCache(join(root, "cache", "hashes.db"), { now: () => Date.now() + 10_000 });
  onTestFinished(() => cache.close());
  const path = join(root, "a.txt");
  writeFileSync(path, "one");
  const look = async () => {
    const { files } = await statFiles([path]);
    return { files, known: cache.lookUp(files) };
  };
  const before = await look();
  expect(before.known).toEqual([undefined]);
  await hashFiles(before.files, { cache });
  expect((await look()).known).toEqual([shaOf("one")]);
  writeFileSync(path, "two");
  utimesSync(path, longAgo, longAgo);
  expect((await look()).known).toEqual([undefined]);
  await hashFiles((await look()).files, { cache });
  expect((await look()).known).toEqual([shaOf("two")]);
  // Another file that was moved to its place, of the same size and time.
  rmSync(path);
  writeFileSync(join(root, "other"), "six");
  writeFileSync(path, "ten");
  utimesSync(path, longAgo, longAgo);
  const { files } = await look();
  expect(cache.lookUp(files.map((file) => ({ ...file, inode: file.inode + 1n })))).toEqual([undefined]);
});

test("every file is remembered, however many threads hand them over at once", async () => {
  const root = folder();
  for (let n = 0; n < 5000; n++) {
    writeFileSync(join(root, `${n}`), `file ${n}`);
    utimesSync(join(root, `${n}`), longAgo, longAgo);
  }
  const { files } = await scanFolder(root);
  const cache = openHashCache(join(folder(), "hashes.db"), { now: () => Date.now() + 10_000 });
  onTestFinished(() => cache.close());
  const { sha256s } = await hashFiles(files, { cache });
  expect(cache.lookUp(files)).toEqual(sha256s);
});

test("a known file is not read again", async () => {
  const root = folder();
  const cache = openHashCache(join(root, "hashes.db"));
  onTestFinished(() => cache.close());
  const file = {
    path: join(root, "not-there"),
    bytes: 3,
    mtimeNs: 1n,
    ctimeNs: 1n,
    inode: 7n,
    executable: false,
  };
  cache.remember([{ file, sha256: shaOf("abc") }]);
  expect(await hashFiles([file], { cache })).toEqual({ sha256s: [shaOf("abc")], changed: [] });
});

test("a file written to within two seconds of its hash is not remembered", async () => {
  const root = folder();
  const cache = openHashCache(join(root, "hashes.db"));
  onTestFinished(() => cache.close());
  writeFileSync(join(root, "a.txt"), "a");
  const { files } = await statFiles([join(root, "a.txt")]);
  await hashFiles(files, { cache });
  expect(cache.lookUp(files)).toEqual([undefined]);
});

test("a file that changes while it is read is noticed, and the others have their hashes", async () => {
  const root = folder();
  const [still, restless] = [join(root, "still"), join(root, "restless")];
  writeFileSync(still, "still");
  writeFileSync(restless, Buffer.alloc(24 * 2 ** 20));
  const { files } = await statFiles([still, restless]);
  const handle = await open(restless, "r+");
  let isDone = false;
  // Writes without a pause, as a simulation does that has not ended.
  const writing = (async () => {
    // oxlint-disable-next-line no-await-in-loop -- until the hashing is done
    for (let at = 0; !isDone; at++) await handle.write(Buffer.from([at & 255]), 0, 1, at % 1000);
    await handle.close();
  })();
  const { sha256s, changed } = await hashFiles(files).finally(() => (isDone = true));
  await writing;
  expect(sha256s).toEqual([shaOf("still"), ""]);
  expect(changed.map(({ path }) => path)).toEqual([restless]);
});

test("a file that is another than when it was found is taken as it is now", async () => {
  const path = join(folder(), "a.txt");
  writeFileSync(path, "one");
  const { files } = await statFiles([path]);
  appendFileSync(path, " and two");
  const { sha256s, changed } = await hashFiles(files);
  expect([sha256s, changed]).toEqual([[shaOf("one and two")], []]);
  expect(files).toEqual((await statFiles([path])).files);
});

test("a file that is gone has changed; one that cannot be read is an error with its name", async () => {
  const root = folder();
  writeFileSync(join(root, "a.txt"), "one");
  const { files } = await statFiles([join(root, "a.txt")]);
  rmSync(join(root, "a.txt"));
  expect(await hashFiles(files)).toEqual({ sha256s: [""], changed: files });
  const [file] = files;
  if (!file) throw new Error("no file");
  await expect(hashFiles([{ ...file, path: root }])).rejects.toThrow(`The file ${root} cannot be read`);
  await expect(hashFile(join(root, "none"))).rejects.toThrow("cannot be read: it does not exist");
});

test("cancel ends the threads and says so", async () => {
  const path = join(folder(), "long");
  writeFileSync(path, "");
  truncateSync(path, 8 * 2 ** 30);
  const { files } = await statFiles([path]);
  const canceler = new AbortController();
  let read = 0;
  const hashing = hashFiles(files, {
    signal: canceler.signal,
    onProgress: ({ doneBytes }) => {
      read = doneBytes;
      canceler.abort();
    },
  });
  await expect(hashing).rejects.toThrow("aborted");
  // Not read to its end first.
  expect(read).toBeLessThan(2 ** 30);
});
