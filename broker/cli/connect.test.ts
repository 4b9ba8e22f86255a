// What is said when no broker answers: that none is there is another thing than one that says nothing.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { connect } from "./connect.ts";

beforeEach(() => {
  vi.stubEnv("TALLY_URL", undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
});

function folderFor(port: number): string {
  const folder = mkdtempSync(join(tmpdir(), "tally-connect-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const connection = { url: `http://127.0.0.1:${port}`, token: "t", pid: process.pid };
  writeFileSync(join(folder, "connection.json"), JSON.stringify(connection));
  return folder;
}

test("a broker that is held is not called one that does not run", async () => {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void server.close());
  server.on("connection", (socket) => onTestFinished(() => void socket.destroy()));
  const { port } = server.address() as AddressInfo;
  const data = folderFor(port);
  await expect(connect({ data })).rejects.toThrow(/does not answer though something runs at http/);
  server.close();
});

test("where nothing listens it is said how to start it", async () => {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  await expect(connect({ data: folderFor(port) })).rejects.toThrow(
    /is not running\. Start it: .*tally serve/,
  );
});
