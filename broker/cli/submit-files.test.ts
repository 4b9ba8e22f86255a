// A job's input files on their way to a real broker.
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { testBroker, testFolder } from "../../test/support/start-broker.ts";
import { createClient } from "../contract/client.ts";
import { collectInputs, sendInputs } from "./submit-files.ts";
import { createTransferProgress } from "./transfer-progress.ts";

test("a long file that somebody wrote to after it was hashed is noticed before there is a job", async () => {
  const folder = testFolder();
  vi.stubEnv("XDG_CACHE_HOME", join(folder, "cache"));
  onTestFinished(() => void vi.unstubAllEnvs());
  const broker = await testBroker();
  const path = join(folder, "cache.vdb");
  // So long that it is sent in parts: no store looks at the whole.
  writeFileSync(path, randomBytes(17 * 2 ** 20));
  const options = {
    signal: new AbortController().signal,
    progress: createTransferProgress({ silent: true }),
  };
  const collected = await collectInputs(
    { parts: [{ files: [path], folders: [] }] },
    { ...options, sharedRoots: [], allowMissing: false },
  );
  writeFileSync(path, randomBytes(17 * 2 ** 20));
  const client = createClient(broker.url, broker.adminToken);
  await expect(sendInputs(client, collected, options)).rejects.toThrow(
    `The file ${path} changed while it was read. Wait until nothing writes to it any more, and submit again.`,
  );
});
