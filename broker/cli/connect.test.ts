// What is said when no broker answers: that none is there is another thing than one that says nothing.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { brokerClock } from "../contract/broker-clock.ts";
import { connect } from "./connect.ts";
import { moment } from "./humane.ts";

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

test("a machine whose clock is wrong tells moments by the broker's", async () => {
  const now = Date.now() - 5 * 3_600_000;
  const server = createHttpServer((_, answer) => {
    answer.setHeader("date", new Date(now).toUTCString()).end(JSON.stringify({ name: "tally" }));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void server.close());
  await connect({ data: folderFor((server.address() as AddressInfo).port) });
  expect(Math.abs(brokerClock.now() - now)).toBeLessThan(60_000);
  expect(moment(new Date(now).toISOString())).toBe("just now");
});
