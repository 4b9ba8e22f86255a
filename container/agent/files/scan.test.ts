// What a folder may hold: links, names, files that are none. Everything has a defined answer.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { scanFolder, statFiles } from "./scan.ts";

function folder(files: Record<string, string> = {}): string {
  const made = mkdtempSync(join(tmpdir(), "tally-scan-"));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(made, name)), { recursive: true });
    writeFileSync(join(made, name), text);
  }
  return made;
}

const namesIn = (root: string, paths: readonly string[]) => paths.map((path) => path.slice(root.length + 1));

test("files and empty folders, in order, with what makes a file itself", async () => {
  const root = folder({ "b/c.txt": "12345", "a.sh": "x", "b/0.txt": "" });
  chmodSync(join(root, "a.sh"), 0o755);
  mkdirSync(join(root, "b/empty/emptier"), { recursive: true });
  const found = await scanFolder(root);
  expect(
    namesIn(
      root,
      found.files.map(({ path }) => path),
    ),
  ).toEqual(["a.sh", "b/0.txt", "b/c.txt"]);
  expect(found.files.map(({ bytes, executable }) => [bytes, executable])).toEqual([
    [1, true],
    [0, false],
    [5, false],
  ]);
  expect(namesIn(root, found.emptyFolders)).toEqual(["b/empty/emptier"]);
  expect(found.problems).toEqual([]);
  const now = BigInt(Date.now()) * 1_000_000n;
  for (const { mtimeNs, ctimeNs, inode } of found.files) {
    expect(now - mtimeNs).toBeLessThan(60_000_000_000n);
    expect(ctimeNs).toBeGreaterThan(0n);
    expect(inode).toBeGreaterThan(0n);
  }
});

test("symlinks inside the folder are followed and appear under their own name", async () => {
  const root = folder({ "real/a.txt": "aa" });
  symlinkSync("real/a.txt", join(root, "file"));
  symlinkSync(join(root, "real"), join(root, "whole"));
  const found = await scanFolder(root);
  expect(found.problems).toEqual([]);
  expect(
    namesIn(
      root,
      found.files.map(({ path }) => path),
    ),
  ).toEqual(["file", "real/a.txt", "whole/a.txt"]);
  expect(found.files.every(({ bytes }) => bytes === 2)).toBe(true);
});

test("the folder itself may be a link; paths keep its name", async () => {
  const root = folder({ "real/a.txt": "aa" });
  symlinkSync("real", join(root, "link"));
  const found = await scanFolder(join(root, "link"));
  expect(found.files.map(({ path }) => path)).toEqual([join(root, "link/a.txt")]);
});

test("no path leaves the root: a symlink that leads out is named, its files are not taken", async () => {
  const [root, other] = [folder({ "a.txt": "a" }), folder({ "secret.txt": "s" })];
  symlinkSync(other, join(root, "out"));
  symlinkSync(join(other, "secret.txt"), join(root, "out.txt"));
  symlinkSync("..", join(root, "up"));
  const found = await scanFolder(root);
  expect(
    namesIn(
      root,
      found.files.map(({ path }) => path),
    ),
  ).toEqual(["a.txt"]);
  expect(found.problems).toHaveLength(3);
  expect(found.problems[0]).toMatch(
    new RegExp(`out links to .*, outside of .*: add that folder as an input of its own, or put the files in`),
  );
  // Two inputs of one job may link to each other.
  const both = await scanFolder(root, { roots: [other] });
  expect(
    namesIn(
      root,
      both.files.map(({ path }) => path),
    ),
  ).toEqual(["a.txt", "out.txt", "out/secret.txt"]);
  expect(both.problems).toHaveLength(1);
});

test("symlinks in a circle and those that lead nowhere are named, and the scan ends", async () => {
  const root = folder({ "a/x.txt": "x", "b/y.txt": "y" });
  symlinkSync("..", join(root, "a/up"));
  symlinkSync("../b", join(root, "a/to-b"));
  symlinkSync("../a", join(root, "b/to-a"));
  symlinkSync("gone.txt", join(root, "dangling"));
  symlinkSync("self", join(root, "self"));
  const found = await scanFolder(root);
  const text = found.problems.join("\n");
  expect(text).toContain("a/up is a link that leads back to");
  expect(text).toContain("dangling is a link to something that is not there.");
  expect(text).toContain("self is a link that leads in a circle.");
  expect(text).toContain("a/to-b/to-a is a link that leads back");
  expect(
    namesIn(
      root,
      found.files.map(({ path }) => path),
    ),
  ).toEqual(["a/to-b/y.txt", "a/x.txt", "b/to-a/x.txt", "b/y.txt"]);
});

test("pipes, sockets and devices are no files", async () => {
  const root = folder({ "a.txt": "a" });
  execFileSync("mkfifo", [join(root, "pipe")]);
  const server = createServer().listen(join(root, "socket"));
  onTestFinished(() => void server.close());
  const found = await scanFolder(root);
  expect(
    namesIn(
      root,
      found.files.map(({ path }) => path),
    ),
  ).toEqual(["a.txt"]);
  expect(found.problems.map((one) => one.slice(root.length + 1))).toEqual([
    "pipe is not a file: it is a pipe. Move it out of the folder.",
    "socket is not a file: it is a socket. Move it out of the folder.",
  ]);
  expect((await statFiles(["/dev/null"])).problems).toEqual(["/dev/null is not a file: it is a device."]);
});

test("names that are not UTF-8 are named with their bytes escaped", async () => {
  const root = folder({ "täst.txt": "a" });
  writeFileSync(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9]), Buffer.from(".png")]), "x");
  const found = await scanFolder(root);
  expect(
    namesIn(
      root,
      found.files.map(({ path }) => path),
    ),
  ).toEqual(["täst.txt"]);
  expect(found.problems).toEqual([
    `The name of ${root}/caf\\xe9.png is not UTF-8, so that it cannot be sent. Give it another name.`,
  ]);
});

test("names that differ only by case are fine here, and noted", async () => {
  const root = folder({ "Wood.png": "1", "wood.PNG": "2", "ü/É": "1", "ü/é": "2" });
  const found = await scanFolder(root);
  expect(found.files).toHaveLength(4);
  expect(found.problems).toEqual([]);
  expect(found.notes).toHaveLength(2);
  expect(found.notes[0]).toMatch(/Wood.png and wood.PNG differ only by case|wood.PNG and Wood.png differ/);
});

test("sparse files and 300-character paths are files like others", async () => {
  const deep = `${"d".repeat(100)}/${"e".repeat(100)}/${"f".repeat(100)}.exr`;
  const root = folder({ [deep]: "deep", sparse: "" });
  truncateSync(join(root, "sparse"), 3 * 2 ** 30);
  const found = await scanFolder(root);
  expect(found.files.map(({ bytes }) => bytes)).toEqual([4, 3 * 2 ** 30]);
  expect(found.files[0]?.path).toBe(join(root, deep));
});

test("an unreadable file or folder is a problem, not an end", async () => {
  const root = folder({ "shut/a.txt": "a", "b.txt": "b", "c.txt": "c" });
  const program = `
    const { scanFolder, statFiles } = await import(process.argv[1]);
    const found = await scanFolder(process.argv[2]);
    const one = await statFiles([process.argv[2] + "/b.txt"]);
    console.log(JSON.stringify({ files: found.files.map((one) => one.path), problems: [...found.problems, ...one.problems] }));`;
  // Nobody keeps the superuser from reading: another user looks, where this is one.
  const isRoot = process.getuid?.() === 0;
  chmodSync(root, 0o755);
  chmodSync(join(root, "b.txt"), 0o600);
  chmodSync(join(root, "shut"), 0o700);
  if (!isRoot) {
    chmodSync(join(root, "b.txt"), 0);
    chmodSync(join(root, "shut"), 0);
    onTestFinished(() => chmodSync(join(root, "shut"), 0o700));
  }
  const identity = isRoot ? { uid: 65_534, gid: 65_534 } : {};
  const args = ["--input-type=module", "-e", program, join(import.meta.dirname, "scan.ts"), root];
  const answer = JSON.parse(
    execFileSync(process.execPath, args, { ...identity, encoding: "utf8" }),
  ) as unknown;
  expect(answer).toEqual({
    files: [join(root, "c.txt")],
    problems: [
      `The file ${root}/b.txt cannot be read: permission denied.`,
      `The folder ${root}/shut cannot be read: permission denied.`,
      `The file ${root}/b.txt cannot be read: permission denied.`,
    ],
  });
});

test("single files: those that are not there and folders are named; a link is followed anywhere", async () => {
  const [root, other] = [folder({ "a.txt": "a" }), folder({ "b.txt": "bb" })];
  symlinkSync(join(other, "b.txt"), join(root, "link"));
  const found = await statFiles([join(root, "link"), join(root, "none"), root, join(root, "a.txt")]);
  expect(found.files.map(({ bytes }) => bytes)).toEqual([2, 1]);
  expect(found.problems.toSorted()).toEqual(
    [`The file ${join(root, "none")} does not exist.`, `${root} is a folder, not a file.`].toSorted(),
  );
});

test("a folder that is not there is a problem; a signal ends the scan", async () => {
  const root = folder({ "a.txt": "a" });
  expect((await scanFolder(join(root, "none"))).problems).toEqual([
    `The folder ${root}/none cannot be read: it does not exist.`,
  ]);
  expect((await scanFolder(join(root, "a.txt"))).problems).toEqual([`${root}/a.txt is not a folder.`]);
  await expect(scanFolder(root, { signal: AbortSignal.abort() })).rejects.toThrow("aborted");
});
