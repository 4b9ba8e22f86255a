// Process trees, commands and pipes on this system; the Windows parts that are pure.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { platform } from "./platform.ts";
import { listMarked, listProcesses, treeOf } from "./processes.ts";
import { windows } from "./windows.ts";

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tally-platform-"));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("a tree is the root, its group, and all that descends from them, whatever group that is in", () => {
  const all = [
    { pid: 10, parent: 1, group: 10 },
    { pid: 11, parent: 10, group: 10 },
    { pid: 12, parent: 11, group: 12 },
    { pid: 13, parent: 1, group: 10 },
    { pid: 14, parent: 13, group: 14 },
    { pid: 20, parent: 1, group: 20 },
  ];
  expect(treeOf([10], all).toSorted((a, b) => a - b)).toEqual([10, 11, 12, 13, 14]);
});

test("killing by marker finds processes that left their parent and group", async () => {
  const marker = `test-${process.pid}-marker`;
  const child = spawn("sh", ["-c", "(setsid sleep 300 &) ; echo ready; sleep 300"], {
    env: { PATH: process.env.PATH, TALLY_SESSION: marker },
    detached: true,
    stdio: ["ignore", "pipe", "ignore"],
  });
  await once(child.stdout, "data");
  expect(listMarked("TALLY_SESSION", marker).length).toBeGreaterThanOrEqual(2);
  const gone = once(child, "exit");
  await platform.killMarked(marker, []);
  await gone;
  expect(listMarked("TALLY_SESSION", marker)).toEqual([]);
});

test("another session's processes are left alone, also when its name begins alike", async () => {
  const child = spawn("sleep", ["300"], { env: { TALLY_SESSION: "alike-10", PATH: process.env.PATH } });
  await once(child, "spawn");
  await platform.killMarked("alike-1", []);
  expect(listProcesses().some(({ pid }) => pid === child.pid)).toBe(true);
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
});

test("a command is the first executable file on the PATH that is given", () => {
  for (const name of ["a", "b"]) mkdirSync(join(folder, name));
  writeFileSync(join(folder, "a", "tool"), "not executable", { mode: 0o644 });
  writeFileSync(join(folder, "b", "tool"), "#!/bin/sh\n");
  chmodSync(join(folder, "b", "tool"), 0o755);
  const path = `${join(folder, "a")}:${join(folder, "b")}`;
  expect(platform.findCommand("tool", path, folder)).toBe(join(folder, "b", "tool"));
  expect(platform.findCommand("./b/tool", path, folder)).toBe(join(folder, "b", "tool"));
  expect(platform.findCommand("other", path, folder)).toBeUndefined();
});

test("a rename replaces a file that somebody has open", async () => {
  const [from, to] = [join(folder, "new"), join(folder, "old")];
  writeFileSync(from, "new");
  writeFileSync(to, "old");
  await platform.replaceFile(from, to);
  expect(readFileSync(to, "utf8")).toBe("new");
});

test("staying awake never fails, also where nothing can keep the machine awake", () => {
  platform.keepAwake("a test")();
});

test("short paths stay as they are on Windows", () => {
  expect(windows.longPath("C:\\shots\\a.png")).toBe("C:\\shots\\a.png");
});
