// The manifest is the same whoever writes it: no doubles, in order, and as the contract says.
import { expect, test } from "vitest";
import { manifestProblems, manifestSchema } from "../../../broker/contract/manifest.ts";
import { buildManifest, byCodePoint, manifestBytes } from "./manifest.ts";
import type { FoundFile } from "./scan.ts";

const file = (path: string, executable = false): FoundFile => ({
  path,
  bytes: path.length,
  mtimeNs: 0n,
  ctimeNs: 0n,
  inode: 0n,
  executable,
});
const sha = (one: FoundFile) => String(one.path.length % 10).repeat(64);

test("parts are merged, a file of two parts belongs to none, all in order", () => {
  const manifest = buildManifest(
    [
      {
        group: "Textures",
        roots: ["/s/tex"],
        found: { files: [file("/s/tex/b"), file("/s/tex/a", true)], emptyFolders: ["/s/tex/e"] },
      },
      {
        group: "Scene",
        roots: ["/s/tex", "/s"],
        found: { files: [file("/s/tex/b"), file("/s/x")], emptyFolders: [] },
      },
      { roots: [], found: { files: [file("/s/x")], emptyFolders: [] } },
    ],
    sha,
    [{ path: "/nas/y", bytes: 3, group: "Scene" }],
  );
  expect(manifest).toEqual({
    version: 1,
    format: "posix",
    roots: ["/s", "/s/tex"],
    files: [
      { path: "/s/tex/a", sha256: sha(file("/s/tex/a")), bytes: 8, executable: true, group: "Textures" },
      { path: "/s/tex/b", sha256: sha(file("/s/tex/b")), bytes: 8 },
      { path: "/s/x", sha256: sha(file("/s/x")), bytes: 4 },
    ],
    folders: [{ path: "/s/tex/e", group: "Textures" }],
    shared: [{ path: "/nas/y", bytes: 3, group: "Scene" }],
  });
  const read = manifestSchema.parse(JSON.parse(new TextDecoder().decode(manifestBytes(manifest))));
  expect(read).toEqual(manifest);
  expect(manifestProblems(read)).toEqual([]);
});

test("the order is that of UTF-8 bytes", () => {
  const names = [
    "",
    "a",
    "ab",
    "é",
    "z",
    "\u{ff5e}",
    "\u{1f600}",
    "\u{1f600}a",
    "\u{10000}",
    "a\u{1f600}",
    "a\u{ff5e}",
  ];
  expect(names.toSorted(byCodePoint)).toEqual(
    names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
  );
});
