// One file on its way home, where the way itself is the trouble.
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { sha256Of } from "../../test/support/blobs.ts";
import { bringHome } from "./bring-home.ts";

function staged(text: string) {
  const folder = mkdtempSync(join(tmpdir(), "tally-home-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, "staged.png");
  writeFileSync(path, text);
  const source = { file: path, move: false };
  return {
    folder,
    path,
    file: { id: 1, bytes: text.length, sha256: sha256Of(text), conflict: "overwrite" as const, source },
  };
}

test("a place where no folder can be made is told in words, and nobody tries for ever (Linux only)", async () => {
  const { path, file } = staged("picture");
  // The kernel answers "no such folder" below /proc though the parent is there; Node's own `recursive` never ends.
  const name = "/proc/nope/deeper/0001.png";
  const result = await bringHome({ ...file, name });
  expect(result).toMatchObject({ kind: "failed" });
  expect(result.kind === "failed" && result.problem).toContain("no folder can be made there");
  expect(readFileSync(path, "utf8")).toBe("picture");
});

test.each(["relative.png", "/a/../b.png", "/a//b.png", "/a/b/", "/a\0b", "."])(
  "path traversal in artifact names is refused, and whatever is no full name of a file: %j",
  async (name) => {
    const { path, file } = staged("picture");
    const result = await bringHome({ ...file, name });
    expect(result).toMatchObject({
      kind: "failed",
      problem: expect.stringContaining("not the full name") as string,
    });
    expect(readFileSync(path, "utf8")).toBe("picture");
  },
);

test("the file at home is an ordinary one, whatever the mode of its source", async () => {
  const { folder, path, file } = staged("picture");
  const ordinary = join(folder, "ordinary");
  writeFileSync(ordinary, "");
  const name = join(folder, "0001.png");
  for (const mode of [0o400, 0o777]) {
    rmSync(name, { force: true });
    chmodSync(path, mode);
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    expect(await bringHome({ ...file, name })).toEqual({ kind: "delivered" });
    expect(statSync(name).mode).toBe(statSync(ordinary).mode);
    expect(statSync(name).ino).not.toBe(statSync(path).ino);
    expect(statSync(name).nlink).toBe(1);
  }
});
