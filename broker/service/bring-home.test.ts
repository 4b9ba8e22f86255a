// One file on its way home, where the way itself is the trouble.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { bringHome } from "./bring-home.ts";

function staged(text: string): { folder: string; path: string; bytes: number } {
  const folder = mkdtempSync(join(tmpdir(), "tally-home-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "staged.png");
  writeFileSync(path, text);
  return { folder, path, bytes: text.length };
}

test("folders that are missing on the way are made", async () => {
  const { folder, path, bytes } = staged("picture");
  const name = join(folder, "a", "b", "c", "0001.png");
  const result = await bringHome({ id: 1, staged: path, name, bytes, conflict: "overwrite" });
  expect(result).toEqual({ kind: "delivered" });
  expect(readFileSync(name, "utf8")).toBe("picture");
});

test("a place where no folder can be made is told in words, and nobody tries for ever (Linux only)", async () => {
  const { path, bytes } = staged("picture");
  // The kernel answers "no such folder" below /proc though the parent is there; Node's own `recursive` never ends.
  const name = "/proc/nope/deeper/0001.png";
  const result = await bringHome({ id: 1, staged: path, name, bytes, conflict: "overwrite" });
  expect(result).toMatchObject({ kind: "failed" });
  expect(result.kind === "failed" && result.problem).toContain("no folder can be made there");
  expect(readFileSync(path, "utf8")).toBe("picture");
});
