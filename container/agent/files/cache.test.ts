// The cache of input files: bounded, shared by two agents at once, and never without what somebody uses.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import type { BlobRef } from "../../../broker/contract/blob.ts";
import { defaultCacheBytes, openCache, type CacheHold, type FetchBlobs } from "./cache.ts";

let folder: string;
let fetched: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tally-cache-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  fetched = [];
});

const textOf = (name: string): string => name.repeat(100).slice(0, 100);
const blob = (name: string): BlobRef => ({
  sha256: createHash("sha256").update(textOf(name)).digest("hex"),
  bytes: 100,
});
const names = ["a", "b", "c", "d", "e", "f"];

const fetch: FetchBlobs = (missing, target, arrived) => {
  for (const it of missing) {
    const name = names.find((one) => blob(one).sha256 === it.sha256) ?? "";
    fetched.push(name);
    writeFileSync(target(it), textOf(name));
    arrived(it, target(it));
  }
  return Promise.resolve();
};

const take = (hold: CacheHold, ...list: string[]): Promise<void> =>
  hold.take(
    list.map((name) => blob(name)),
    fetch,
  );
const here = (): string =>
  names.filter((name) => existsSync(join(folder, blob(name).sha256.slice(0, 2), blob(name).sha256))).join("");
/** Nothing is used any more, some time after it was used last. */
async function useAndLeave(
  cache: ReturnType<typeof openCache>,
  name: string,
  secondsAgo: number,
): Promise<void> {
  const hold = cache.hold();
  await take(hold, name);
  await hold.release();
  const path = hold.path(blob(name).sha256);
  if (existsSync(path)) utimesSync(path, Date.now() / 1000 - secondsAgo, 1_000_000_000);
}

test("what is here is not fetched again; what was used longest ago goes first", async () => {
  const cache = openCache(folder, 300);
  await useAndLeave(cache, "a", 30);
  await useAndLeave(cache, "b", 20);
  await useAndLeave(cache, "c", 10);
  await useAndLeave(cache, "a", 5);
  expect(fetched.join("")).toBe("abc");
  const hold = cache.hold();
  await take(hold, "d");
  expect(readFileSync(hold.path(blob("d").sha256), "utf8")).toBe(textOf("d"));
  expect(here()).toBe("acd");
});

test("a cache too small for a job holds it all the same, and shrinks once the job is over", async () => {
  const cache = openCache(folder, 250);
  const hold = cache.hold();
  await take(hold, "a", "b", "c");
  await take(hold, "d");
  expect(here()).toBe("abcd");
  await hold.keepOnly(new Set([blob("b").sha256]));
  const other = cache.hold();
  await take(other, "e");
  expect(here()).toContain("b");
  expect(here()).toContain("e");
  expect(here().length).toBeLessThan(4);
  await hold.release();
  await other.release();
  expect(here().length).toBeLessThanOrEqual(2);
});

test("what another agent holds stays; what one held that is dead goes", async () => {
  const cache = openCache(folder, 150);
  await useAndLeave(cache, "a", 50);
  await useAndLeave(cache, "b", 40);
  mkdirSync(join(folder, "holds"), { recursive: true });
  const dead = spawnSync("true").pid;
  writeFileSync(join(folder, "holds", `${process.ppid}-other`), `${blob("b").sha256}\n`);
  writeFileSync(join(folder, "holds", `${dead}-dead`), `${blob("c").sha256}\n`);
  mkdirSync(join(folder, "incoming", `${dead}-dead`), { recursive: true });
  await useAndLeave(cache, "c", 30);
  await useAndLeave(cache, "d", 20);
  expect(here()).toContain("b");
  expect(here()).not.toContain("a");
  expect(here()).not.toContain("c");
  expect(readdirSync(join(folder, "holds"))).toEqual([`${process.ppid}-other`]);
  expect(readdirSync(join(folder, "incoming"))).toEqual([]);
});

test("an entry that somebody changed, cut or replaced is fetched again", async () => {
  const cache = openCache(folder, 1000);
  const first = cache.hold();
  await take(first, "a", "b", "c");
  const path = (name: string): string => first.path(blob(name).sha256);
  chmodSync(path("a"), 0o600);
  writeFileSync(path("a"), textOf("x"));
  chmodSync(path("b"), 0o600);
  appendFileSync(path("b"), "more");
  await take(cache.hold(), "a", "b", "c");
  expect(fetched.slice(3).toSorted()).toEqual(["a", "b"]);
  expect(readFileSync(path("a"), "utf8")).toBe(textOf("a"));
  expect(readFileSync(path("b"), "utf8")).toBe(textOf("b"));
});

test("who begins to hold waits for who is removing, but not for one that is dead", async () => {
  const cache = openCache(folder, 1000);
  await useAndLeave(cache, "a", 10);
  const live = join(folder, `removing-${process.ppid}-x`);
  const dead = join(folder, `removing-${spawnSync("true").pid}-x`);
  writeFileSync(live, "");
  writeFileSync(dead, "");
  let taken = false;
  const hold = cache.hold();
  const taking = take(hold, "a").then(() => {
    taken = true;
  });
  // Its wish is written down before it waits: who is removing may read it.
  while (!existsSync(join(folder, "holds")) || existsSync(dead)) await new Promise(setImmediate);
  expect(taken).toBe(false);
  rmSync(hold.path(blob("a").sha256));
  rmSync(live);
  await taking;
  expect(fetched.join("")).toBe("aa");
});

test("two agents at once fill it with the same files and take from it: nobody ever misses one", async () => {
  const caches = [openCache(folder, 250), openCache(folder, 250)];
  let takes = 0;
  const agent = async (cache: ReturnType<typeof openCache>, seed: number): Promise<void> => {
    for (let round = 0; round < 60; round += 1) {
      const hold = cache.hold();
      const list = [names[(round + seed) % 6], names[(round * seed + 1) % 6]] as string[];
      await take(hold, ...list);
      await new Promise(setImmediate);
      for (const name of list) {
        expect(readFileSync(hold.path(blob(name).sha256), "utf8")).toBe(textOf(name));
        takes += 1;
      }
      await hold.release();
    }
  };
  await Promise.all([agent(caches[0]!, 1), agent(caches[1]!, 5), agent(caches[1]!, 3)]);
  expect(takes).toBe(360);
});

test("by default a tenth of what is free, at most 20 GiB", () => {
  const bytes = defaultCacheBytes(folder);
  expect(bytes).toBeGreaterThan(0);
  expect(bytes).toBeLessThanOrEqual(20 * 1024 ** 3);
});
