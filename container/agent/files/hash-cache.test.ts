// The cache only saves time: broken, busy or shared, it never stops anybody; what is old leaves it.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openHashCache } from "./hash-cache.ts";
import type { FoundFile } from "./scan.ts";

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), "tally-cache-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}
const fileAt = (path: string): FoundFile => ({
  path,
  bytes: 5,
  mtimeNs: 1_700_000_000_123_456_789n,
  ctimeNs: 1_700_000_000_123_456_789n,
  inode: 9_007_199_254_740_993n,
  executable: false,
});
const sha256 = "ab".repeat(32);
const day = 86_400_000;

test("a broken cache file is put aside and begun anew", () => {
  const path = join(folder(), "hashes.db");
  writeFileSync(path, "this is no database, but long enough to look at. ".repeat(100));
  const cache = openHashCache(path);
  cache.remember([{ file: fileAt("/a"), sha256 }]);
  expect(cache.lookUp([fileAt("/a")])).toEqual([sha256]);
  cache.close();
  expect(existsSync(`${path}.broken`)).toBe(true);
});

test("a cache that cannot be opened knows nothing and stops nobody", () => {
  const root = folder();
  writeFileSync(join(root, "file"), "");
  const cache = openHashCache(join(root, "file", "hashes.db"));
  cache.remember([{ file: fileAt("/a"), sha256 }]);
  expect(cache.lookUp([fileAt("/a")])).toEqual([undefined]);
  cache.close();
});

test("two have it open at once and see each other's hashes", () => {
  const path = join(folder(), "hashes.db");
  const [one, two] = [openHashCache(path), openHashCache(path)];
  one.remember([{ file: fileAt("/a"), sha256 }]);
  two.remember([{ file: fileAt("/b"), sha256 }]);
  expect([...one.lookUp([fileAt("/b")]), ...two.lookUp([fileAt("/a")])]).toEqual([sha256, sha256]);
  one.close();
  two.close();
});

test("what nobody asked for in 90 days leaves, and the oldest beyond the limit", () => {
  const path = join(folder(), "hashes.db");
  let now = 1_800_000_000_000;
  const at = (days: number, work: (cache: ReturnType<typeof openHashCache>) => void) => {
    now += days * day;
    const cache = openHashCache(path, { now: () => now, maxFiles: 2 });
    work(cache);
    cache.close();
  };
  at(0, (cache) =>
    cache.remember([
      { file: fileAt("/old"), sha256 },
      { file: fileAt("/used"), sha256 },
    ]),
  );
  at(60, (cache) => cache.lookUp([fileAt("/used")]));
  at(60, () => {});
  at(1, (cache) => expect(cache.lookUp([fileAt("/old"), fileAt("/used")])).toEqual([undefined, sha256]));
  at(2, (cache) => cache.remember([{ file: fileAt("/b"), sha256 }]));
  at(2, (cache) => cache.remember([{ file: fileAt("/c"), sha256 }]));
  at(2, () => {});
  at(2, (cache) =>
    expect(cache.lookUp(["/used", "/b", "/c"].map((name) => fileAt(name)))).toEqual([
      undefined,
      sha256,
      sha256,
    ]),
  );
});

test("the plugins' Python reads and writes the same file", () => {
  const path = join(folder(), "hashes.db");
  const cache = openHashCache(path);
  cache.remember([{ file: fileAt("/from-node"), sha256 }]);
  const program = `
import sys
sys.path.insert(0, sys.argv[1])
from tally_core.hash_cache import HashCache
from tally_core.scan import FoundFile
def at(path): return FoundFile(path, 5, 1700000000123456789, 1700000000123456789, 9007199254740993, False)
cache = HashCache(sys.argv[2])
cache.remember([(at("/from-python"), "cd" * 32)])
print(cache.look_up([at("/from-node")])[0])
cache.close()`;
  const core = join(import.meta.dirname, "../../../dcc-plugins/core");
  const answer = execFileSync("python3", ["-c", program, core, path], { encoding: "utf8" }).trim();
  expect(answer).toBe(sha256);
  expect(cache.lookUp([fileAt("/from-python")])).toEqual(["cd".repeat(32)]);
  cache.close();
});
