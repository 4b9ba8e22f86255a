// Input files in a session's mirror: under their names, checked, and never anywhere else, whatever a manifest says.
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import type { BlobRef } from "../../../broker/contract/blob.ts";
import type { ManifestInput } from "../../../broker/contract/manifest.ts";
import { openCache } from "./cache.ts";
import { layOut, type Layout } from "./layout.ts";
import { caseClash, foldsCase, homePath, writtenNames } from "./mirror.ts";
import {
  checkShared,
  placeFiles,
  readManifest,
  sayProgress,
  wantedOf,
  type Source,
  type Wanted,
} from "./place.ts";

let top: string;
let root: string;
let contents: Map<string, Buffer>;
let fetches: number;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), "tally-place-"));
  onTestFinished(() => rmSync(top, { recursive: true, force: true }));
  root = join(top, "s", "files");
  mkdirSync(root, { recursive: true });
  contents = new Map();
  fetches = 0;
});

function blobOf(text: string | Buffer): BlobRef {
  const data = Buffer.from(text);
  const sha256 = createHash("sha256").update(data).digest("hex");
  contents.set(sha256, data);
  return { sha256, bytes: data.length };
}

function source(): Source {
  return {
    hold: openCache(join(top, "cache"), 1e9).hold(),
    blobs: undefined,
    say: () => {},
    signal: new AbortController().signal,
    fetch: (missing, target, { onBlob }) => {
      for (const blob of missing) {
        fetches += 1;
        writeFileSync(target(blob), contents.get(blob.sha256) ?? "");
        onBlob(blob, target(blob));
      }
      return Promise.resolve();
    },
  };
}

const layout: Layout = { rules: [], folders: [], watched: [], notes: [], isWritable: () => false };

function wanted(path: string, text: string | Buffer, more: Partial<Wanted> = {}): Wanted {
  return {
    ...blobOf(text),
    names: writtenNames(path) ?? [],
    home: path,
    executable: false,
    copy: false,
    ...more,
  };
}

async function manifestOf(manifest: ManifestInput | object) {
  const from = source();
  return await readManifest(blobOf(JSON.stringify(manifest)), from);
}
const file = (path: string, more: object = {}) => ({ path, ...blobOf("x"), ...more });
const base = { version: 1, format: "posix", roots: [], files: [] };

test("files lie under their names, empty folders are there, large ones are links to the cache and small ones are not", async () => {
  const large = Buffer.alloc(3 * 1024 * 1024, 7);
  const files = [
    wanted("/home/ann/a.txt", "small"),
    wanted("/home/ann/tool.sh", "#!/bin/sh", { executable: true }),
    wanted("/home/ann/deep/large.exr", large),
    wanted("/home/ann/deep/changed by the task.exr", large, { copy: true }),
  ];
  const placed = new Set<string>();
  const linked = await placeFiles(root, { files, folders: [["home", "ann", "empty"]] }, placed, source());
  const at = (name: string): string => join(root, "home/ann", name);
  expect(readFileSync(at("a.txt"), "utf8")).toBe("small");
  expect(lstatSync(at("a.txt")).isFile()).toBe(true);
  expect(lstatSync(at("tool.sh")).mode & 0o777).toBe(0o700);
  expect(statSync(at("empty")).isDirectory()).toBe(true);
  expect(readFileSync(at("deep/large.exr")).equals(large)).toBe(true);
  expect(lstatSync(at("deep/changed by the task.exr")).isFile()).toBe(true);
  // Where blocks can be shared it is a copy too, that costs nothing.
  const isLink = lstatSync(at("deep/large.exr")).isSymbolicLink();
  if (isLink) expect(readlinkSync(at("deep/large.exr")).startsWith(join(top, "cache"))).toBe(true);
  expect([...linked]).toEqual(isLink ? [files[2]?.sha256] : []);
  expect(fetches).toBe(3);

  // What a task did to its files stays when another step of the job brings its own.
  writeFileSync(at("a.txt"), "changed");
  await placeFiles(
    root,
    { files: [...files, wanted("/home/ann/b.txt", "more")], folders: [] },
    placed,
    source(),
  );
  expect(readFileSync(at("a.txt"), "utf8")).toBe("changed");
  expect(readFileSync(at("b.txt"), "utf8")).toBe("more");
  expect(fetches).toBe(4);
});

test.each([
  "/home/../../etc/passwd",
  "/home/ann/..",
  "home/ann/a",
  "/home//ann",
  "/home/./ann",
  "/home/\0/ann",
  "//server/a",
])("path traversal in manifests is refused: %j", async (path) => {
  await expect(manifestOf({ ...base, files: [file(path)] })).rejects.toThrow(
    /^The list of this job's input files cannot be used: /,
  );
  await expect(manifestOf({ ...base, roots: [path] })).rejects.toThrow(/cannot be used/);
  await expect(manifestOf({ ...base, folders: [{ path }] })).rejects.toThrow(/cannot be used/);
});

test.each(["C:\\a\\..\\..\\b", "C:a", "\\a", "C:\\a\\b:stream", "\\\\server", "C:\\a\\CON|x"])(
  "path traversal in manifests of Windows is refused: %j",
  async (path) => {
    await expect(manifestOf({ ...base, format: "windows", files: [file(path)] })).rejects.toThrow(
      /cannot be used/,
    );
  },
);

test("a manifest that is none, or is too much, is refused in a sentence", async () => {
  for (const text of ["", "{", "[]", '{"version":2}', JSON.stringify({ ...base, more: 1 })]) {
    await expect(readManifest(blobOf(text), source())).rejects.toThrow(
      "The list of this job's input files is damaged. Submit the job again.",
    );
  }
});

test("no file is ever laid out through a link that a task left in the mirror", async () => {
  const outside = join(top, "outside");
  mkdirSync(outside);
  symlinkSync(outside, join(root, "home"));
  await expect(
    placeFiles(root, { files: [wanted("/home/ann/a.txt", "x")], folders: [] }, new Set(), source()),
  ).rejects.toThrow(/^The input files cannot be laid out: \/home is a file or a link/);
  await expect(
    placeFiles(root, { files: [], folders: [["home", "x"]] }, new Set(), source()),
  ).rejects.toThrow(/cannot be laid out/);

  // A link in the place of the file itself is replaced, what it led to is not written.
  writeFileSync(join(outside, "victim"), "victim");
  mkdirSync(join(root, "w"));
  symlinkSync(join(outside, "victim"), join(root, "w", "a.txt"));
  await placeFiles(root, { files: [wanted("/w/a.txt", "new")], folders: [] }, new Set(), source());
  expect(readFileSync(join(root, "w", "a.txt"), "utf8")).toBe("new");
  expect(readFileSync(join(outside, "victim"), "utf8")).toBe("victim");
  expect(existsSync(join(outside, "ann"))).toBe(false);
});

test("a file that is a folder of another file is refused, either way round", async () => {
  const files = [wanted("/w/a", "x"), wanted("/w/a/b", "y")];
  await expect(placeFiles(root, { files, folders: [] }, new Set(), source())).rejects.toThrow(
    "The input files cannot be laid out: /w/a is a file, and other files lie in a folder of that name.",
  );
});

test("a step fetches what its parameters need; what earlier steps made wins over an input of that name", async () => {
  const manifest = await manifestOf({
    ...base,
    files: [
      file("/w/all"),
      file("/w/mine", { group: "Mine" }),
      file("/w/other", { group: "Other" }),
      file("/w/result"),
    ],
    folders: [
      { path: "/w/empty", group: "Mine" },
      { path: "/w/not", group: "Other" },
    ],
  });
  const upstream = [{ name: "/w/result", ...blobOf("newer"), executable: true as const }];
  const { files, folders } = wantedOf(manifest, upstream, ["Mine"], layout);
  expect(files.map(({ home }) => home)).toEqual(["/w/all", "/w/mine", "/w/result"]);
  expect(files.at(-1)).toMatchObject({ bytes: 5, executable: true });
  expect(folders).toEqual([["w", "empty"]]);
  expect(() => wantedOf(null, [{ name: "/w/../x", ...blobOf("x") }], [], layout)).toThrow(/no full path/);
});

test("files that differ only by case are refused where the disk takes them for one, naming both", async () => {
  expect(await foldsCase(root)).toBe(process.platform !== "linux");
  const names = (...paths: string[]) => paths.map((path) => writtenNames(path) ?? []);
  expect(caseClash(names("/a/Tex.png", "/a/tex.PNG"))).toEqual(["/a/Tex.png", "/a/tex.PNG"]);
  expect(caseClash(names("/a/Tex/1", "/a/tex/2"))).toEqual(["/a/Tex", "/a/tex"]);
  expect(caseClash(names("/a/Tex/1", "/a/Tex/2", "/a/b"))).toBeUndefined();
  expect(homePath(["C", "a", "b"], "windows")).toBe("C:\\a\\b");
});

test("a file of a shared folder is checked where this worker sees it", async () => {
  const folder = join(top, "nas");
  mkdirSync(folder);
  writeFileSync(join(folder, "a.abc"), "12345");
  const roots = [{ name: "nas", windows: "Z:\\", linux: folder, macos: folder }];
  const about = async (shared: { path: string; bytes: number }[]) => {
    const manifest = await manifestOf({ ...base, format: "windows", shared });
    const rules = layOut({
      root,
      script: { parameters: {}, outputs: [], filesInPlace: false, sharedRoots: roots },
      manifest,
      upstream: [],
      osFamily: process.platform === "darwin" ? "macos" : "linux",
      exists: () => false,
    }).rules;
    await checkShared(manifest, [], rules);
  };
  await about([{ path: "Z:\\a.abc", bytes: 5 }]);
  await expect(about([{ path: "Z:\\a.abc", bytes: 6 }])).rejects.toThrow(
    `The file ${folder}/a.abc in the shared folder ${folder} has 5 bytes, not the 6 that it had at submit. Submit the job again.`,
  );
  await expect(about([{ path: "Z:\\gone.abc", bytes: 5 }])).rejects.toThrow(
    `The file ${folder}/gone.abc in the shared folder ${folder} is not there for this worker.`,
  );
  await expect(about([{ path: "Y:\\a.abc", bytes: 5 }])).rejects.toThrow(
    "This worker does not know where Y:\\a.abc is. Write this system's spelling of that shared folder into sharedRoots in tally.yaml.",
  );
});

test("a long fetch says every few seconds how far it is", () => {
  const said: string[] = [];
  let now = 0;
  const progress = sayProgress(
    (line) => said.push(line),
    () => now,
  );
  for (const doneFiles of [100, 312, 313, 2000]) {
    now += 2600;
    progress({ doneFiles, doneBytes: doneFiles * 1e6, totalFiles: 10_000, totalBytes: 1.6e9 });
  }
  expect(said).toEqual([
    "tally: Fetching input files: 312 of 10,000, 1.2 GiB left",
    "tally: Fetching input files: 2,000 of 10,000, 0 bytes left",
  ]);
});
