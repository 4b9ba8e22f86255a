// What a task wrote is found, and nothing else: new, changed, through links, beside what was there.
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { createCollector } from "./collect.ts";

let top: string;
let root: string;
let out: string;
let said: string[];

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "tally-collect-"));
  onTestFinished(() => rmSync(top, { recursive: true, force: true }));
  root = join(top, "files");
  out = join(root, "home/ann/out");
  mkdirSync(join(out, "deep"), { recursive: true });
  said = [];
});

const collect = (collector: ReturnType<typeof createCollector>) =>
  collector.collect(join(top, "lease"), (line) => said.push(line));

test("new, changed and replaced files are taken under their names at home, once", async () => {
  writeFileSync(join(out, "old.txt"), "old");
  writeFileSync(join(out, "changed.txt"), "before");
  writeFileSync(join(out, "touched.txt"), "same");
  writeFileSync(join(out, "replaced.txt"), "same length");
  const { mtime, atime } = statSync(join(out, "replaced.txt"));
  const collector = createCollector(root, [{ path: out, kind: "tree", format: "posix" }]);
  await collector.begin();

  writeFileSync(join(out, "deep", "new 0001.png"), "new");
  chmodSync(join(out, "deep", "new 0001.png"), 0o755);
  writeFileSync(join(out, "changed.txt"), "after!");
  utimesSync(join(out, "touched.txt"), 1, 1);
  writeFileSync(join(top, "other"), "SAME LENGTH");
  utimesSync(join(top, "other"), atime, mtime);
  renameSync(join(top, "other"), join(out, "replaced.txt"));
  const files = await collect(collector);
  expect(
    files
      .map(({ name, bytes, executable }) => [name, bytes, executable])
      .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  ).toEqual([
    ["/home/ann/out/changed.txt", 6, false],
    ["/home/ann/out/deep/new 0001.png", 3, true],
    ["/home/ann/out/replaced.txt", 11, false],
    ["/home/ann/out/touched.txt", 4, false],
  ]);
  const taken = files.find(({ name }) => name.endsWith("new 0001.png"));
  expect(readFileSync(taken?.path ?? "", "utf8")).toBe("new");
  // A copy of its own: the task may write to its file again.
  expect(statSync(taken?.path ?? "").ino).not.toBe(statSync(join(out, "deep", "new 0001.png")).ino);
  expect(await collect(collector)).toEqual([]);
  writeFileSync(join(out, "deep", "new 0001.png"), "again");
  expect((await collect(collector)).map(({ bytes }) => bytes)).toEqual([5]);
  expect(said).toEqual([]);
});

test("a link is followed within the task's folders, never out of them; pipes and folders that became links are left out", async () => {
  const collector = createCollector(root, [{ path: out, kind: "tree", format: "posix" }]);
  mkdirSync(join(out, "will be a link"));
  await collector.begin();
  writeFileSync(join(out, "0001.png"), "one");
  symlinkSync("0001.png", join(out, "latest.png"));
  symlinkSync("/etc/hostname", join(out, "outside.txt"));
  symlinkSync(top, join(out, "up"));
  symlinkSync("nowhere", join(out, "dangling"));
  rmSync(join(out, "will be a link"), { recursive: true });
  writeFileSync(join(top, "secret"), "secret");
  symlinkSync(top, join(out, "will be a link"));
  execFileSync("mkfifo", [join(out, "pipe")]);
  const files = await collect(collector);
  expect(
    files.map(({ name, bytes }) => [name, bytes]).toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
  ).toEqual([
    ["/home/ann/out/0001.png", 3],
    ["/home/ann/out/latest.png", 3],
  ]);
  expect(said).toHaveLength(5);
  expect(said.join("\n")).not.toContain("secret");

  // The watched folder itself.
  rmSync(out, { recursive: true });
  symlinkSync(top, out);
  expect(await collect(collector)).toEqual([]);
});

test("a file's own folder is looked at without what lies deeper; one file alone without its neighbours", async () => {
  const collector = createCollector(root, [
    { path: out, kind: "folder", format: "posix" },
    { path: join(root, "C/scene/cache.bin"), kind: "file", format: "windows" },
  ]);
  await collector.begin();
  mkdirSync(join(root, "C/scene"), { recursive: true });
  writeFileSync(join(root, "C/scene/cache.bin"), "cache");
  writeFileSync(join(root, "C/scene/other.bin"), "other");
  writeFileSync(join(out, "film.mp4"), "film");
  writeFileSync(join(out, "deep", "x"), "x");
  const names = (await collect(collector)).map(({ name }) => name);
  expect(names.toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))).toEqual([
    "/home/ann/out/film.mp4",
    "C:\\scene\\cache.bin",
  ]);
});
