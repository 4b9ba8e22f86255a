// A broker that cannot start leaves nothing behind that answers in its name.
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testFolder } from "../test/support/start-broker.ts";
import { startBroker } from "./main.ts";

/** Listens, tells where, and leaves the port free again; rejects when the port is taken. */
async function visit(port: number): Promise<number> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  const { port: taken } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return taken;
}

test("a start that fails after it listened gives the port back", async () => {
  const dataFolder = testFolder();
  // The connection file cannot be written where a folder of that name lies.
  mkdirSync(join(dataFolder, "connection.json", "taken"), { recursive: true });
  const port = await visit(0);
  await expect(startBroker({ dataFolder, port, launcher: null })).rejects.toThrow(/connection\.json/);
  expect(await visit(port)).toBe(port);
});
