// What a command says goes into a pipe or a file that may end before it does.
import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";

const entry = join(import.meta.dirname, "main.ts");

function run(out: number | "pipe"): Promise<{ code: number | null; err: string }> {
  const child = spawn(process.execPath, [entry, "--help"], { stdio: ["ignore", out, "pipe"] });
  // Like `head` that has seen enough.
  child.stdout?.destroy();
  let err = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => (err += text));
  return new Promise((done) => child.on("close", (code) => done({ code, err })));
}

test("a reader that left ends the command quietly", async () => {
  expect(await run("pipe")).toEqual({ code: 0, err: "" });
});

test.skipIf(process.platform !== "linux")(
  "a disk that is full ends it with a sentence and 1, not with a stack (Linux only)",
  async () => {
    const full = openSync("/dev/full", "w");
    expect(await run(full)).toEqual({
      code: 1,
      err: "What this command says could not be written: no space left on device.\n",
    });
    closeSync(full);
  },
);
