// A broker that is started in passing takes whatever port is free, unless somebody insists on one.
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { testFolder } from "../../test/support/start-broker.ts";
import { findOrStart } from "./background.ts";
import { readConnection } from "./connect.ts";
import { stop } from "./commands/stop.ts";

beforeEach(() => {
  vi.stubEnv("TALLY_URL", undefined);
  onTestFinished(() => void vi.unstubAllEnvs());
});

/** Takes the usual port, unless another program has it already: either way it is taken. */
async function takeUsualPort(): Promise<void> {
  const server = createServer();
  await once(server.listen(7878, "127.0.0.1"), "listening").catch((error: NodeJS.ErrnoException) =>
    expect(error.code).toBe("EADDRINUSE"),
  );
  onTestFinished(() => void server.close());
}

test("another program has the usual port: any free one is taken", async () => {
  await takeUsualPort();
  const data = testFolder();
  // No agents: they are not what this is about.
  writeFileSync(join(data, "tally.yaml"), "pools: { local: { kind: local, slots: 0 } }\n");
  const { client, started } = await findOrStart({ data });
  const pid = readConnection(data)?.pid ?? 0;
  onTestFinished(async () => {
    await stop(["--data", data]);
    // Its folder can only be removed when it writes no more.
    await vi.waitFor(() => expect(() => process.kill(pid, 0)).toThrow("ESRCH"), { timeout: 10_000 });
  });
  expect(started).toBe(true);
  expect(client.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  expect(client.url).not.toMatch(/:7878$/);
});

test("a port that tally.yaml names is insisted on", async () => {
  await takeUsualPort();
  const data = testFolder();
  writeFileSync(join(data, "tally.yaml"), "listen: { port: 7878 }\n");
  await expect(findOrStart({ data })).rejects.toThrow("Port 7878 on 127.0.0.1 is taken by another program.");
});
