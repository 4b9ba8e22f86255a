// Where the blobs of a broker lie.
import { createSecretKey, randomBytes } from "node:crypto";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openStorage } from "./storage.ts";

const secret = createSecretKey(randomBytes(32));

test.each([
  [undefined, join("/data", "blobs")],
  ["kept", join("/data", "kept")],
  [join("/mnt", "store"), join("/mnt", "store")],
])("the folder %s in tally.yaml, wherever the broker is started", async (folder, place) => {
  const storage = { kind: "folder" as const, ...(folder !== undefined && { folder }) };
  expect((await openStorage(storage, "/data", secret)).folder).toBe(place);
});
