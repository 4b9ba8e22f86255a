// Both stores on a disk that is full, by a process in a mount namespace of its own (Linux only).
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";

const namespace = ["-rm", "--"];
const mayMount = spawnSync("unshare", [...namespace, "true"]).status === 0;

function onFullDisk(kind: "folder" | "s3"): unknown {
  const disk = mkdtempSync(join(tmpdir(), "tally-full-"));
  onTestFinished(() => rmSync(disk, { recursive: true, force: true }));
  const program = join(import.meta.dirname, "../../test/support/full-disk-blobs.ts");
  const words = [...namespace, process.execPath, program, kind, disk];
  return JSON.parse(execFileSync("unshare", words, { encoding: "utf8" }));
}

test.skipIf(!mayMount)(
  "disk full on the side of the store, a folder: told, nothing left, works once there is room (Linux only)",
  () => {
    expect(onFullDisk("folder")).toEqual([
      ["part", "storage-full"],
      ["parts there", []],
      ["begin", "storage-full"],
      ["put", "storage-full"],
      ["signed", 507],
      ["many", "storage-full"],
      ["blob there", null],
      ["left", []],
      ["read-only", "storage-down"],
      ["put", "done"],
      ["many", "done"],
      ["blobs", 41],
    ]);
  },
);

test.skipIf(!mayMount)(
  "disk full on the side of the store, S3: told, nothing under a final name, works once there is room (Linux only)",
  () => {
    expect(onFullDisk("s3")).toEqual([
      ["put", "storage-full"],
      ["signed", 507],
      ["many", "storage-full"],
      ["blob there", null],
      ["put", "done"],
      ["many", "done"],
      ["blobs", 41],
    ]);
  },
);
