// A lease's log that can no longer be read or written: the render goes on, and nothing waits for ever.
import { createServer } from "node:http";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createClient } from "../../broker/contract/client.ts";
import { createLeaseLog } from "./lease-log.ts";

/** A log over a server that takes every piece, and what it took. */
async function started(text: string) {
  const folder = mkdtempSync(join(tmpdir(), "tally-log-"));
  const pieces: string[] = [];
  const server = createServer((asked, answer) => {
    let piece = "";
    asked.on("data", (bytes: Buffer) => (piece += bytes.toString()));
    asked.on("end", () => {
      pieces.push(piece);
      answer.setHeader("content-type", "application/json").end(JSON.stringify({ bytes: 0 }));
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const over = new AbortController();
  onTestFinished(() => {
    over.abort();
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true, force: true });
  });
  const file = join(folder, "lea_1.log");
  if (text !== "") writeFileSync(file, text);
  const client = createClient(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, "x");
  const log = createLeaseLog({ client, leaseId: "lea_1", token: "t", signal: over.signal }, file);
  return { folder, file, log, pieces };
}

test("what a former process left is sent, and then what is new", async () => {
  const { log, pieces } = await started("before\n");
  expect(log.offset).toBe(7);
  log.append("after");
  await log.flush();
  expect(pieces.join("")).toBe("before\nafter\n");
});

test("a file that somebody emptied ends the log, and is not asked for more for ever", async () => {
  const { file, log, pieces } = await started("before\n");
  truncateSync(file, 0);
  await log.flush();
  expect(pieces).toEqual([]);
});

test("a folder that is gone ends the log without a word", async () => {
  const { folder, log, pieces } = await started("");
  rmSync(folder, { recursive: true });
  log.append("a line");
  await log.flush();
  log.append("another");
  await log.flush();
  expect(pieces).toEqual([]);
});
