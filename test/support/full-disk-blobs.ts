// The program of a test: brings blobs to a disk that is full, then read-only, then has room; run as its own process in a
// mount namespace of its own, where it may mount a small disk. `folder` or `s3`: which store lies on that disk.
import { createHash, randomBytes } from "node:crypto";
import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createSignedDoor } from "../../broker/blob/door.ts";
import { createFolderStore } from "../../broker/blob/folder.ts";
import { createS3Store } from "../../broker/blob/s3.ts";
import type { BlobStore } from "../../broker/domain/ports.ts";
import { startS3Server } from "./s3-server.ts";

const [, , kind, disk = ""] = process.argv;
const mount = (...options: string[]) => execFileSync("mount", [...options, disk]);
mount("-t", "tmpfs", "-o", "size=8m", "tmpfs");

const server = kind === "s3" ? await startS3Server(disk) : undefined;
const folderStore = createFolderStore({ folder: join(disk, "blobs"), secret: "of a test" });
const store: BlobStore = server ? createS3Store({ ...server, prefix: "", region: "us-east-1" }) : folderStore;
const door = createSignedDoor(folderStore);

const hashOf = (data: Uint8Array) => createHash("sha256").update(data).digest("hex");
const codeOf = async (work: Promise<unknown>) =>
  await work.then(
    () => "done",
    (error: { code?: string }) => error.code ?? "another error",
  );
async function* streamOf(data: Uint8Array) {
  for (let at = 0; at < data.length; at += 65_536) yield data.subarray(at, at + 65_536);
}
/** Every file on the disk that holds bytes of a blob, whatever its name. */
const leftOvers = () =>
  readdirSync(join(disk, "blobs"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name);

const data = randomBytes(7_500_000);
const blob = { sha256: hashOf(data), bytes: data.length };
const small = Array.from({ length: 40 }, () => randomBytes(200_000)).map((one) => ({
  sha256: hashOf(one),
  data: one,
}));

const put = () => codeOf(store.put(blob.sha256, blob.bytes, streamOf(data)));
const many = () => codeOf(store.putMany(small));
async function bySignedAddress(): Promise<number> {
  const { url, headers } = await store.signPut(blob, 60_000);
  const request = new Request(new URL(url, "http://localhost"), { method: "PUT", headers, body: data });
  return (await (server ? fetch(request) : door(request))).status;
}
const fill = () => writeFileSync(join(disk, "ballast"), Buffer.alloc(2_000_000));

const steps: unknown[] = [];
if (server) {
  fill();
} else {
  // There is room when the upload begins, and none when its part comes.
  const upload = await store.startParts(blob, data.length);
  fill();
  const part = { number: 1, ...blob };
  steps.push(["part", await codeOf(folderStore.receivePart(upload, part, streamOf(data)))]);
  steps.push(["parts there", await store.listParts(upload, blob)]);
  await store.abortParts(upload, blob);
  steps.push(["begin", await codeOf(store.startParts(blob, 1_000_000))]);
}
steps.push(["put", await put()], ["signed", await bySignedAddress()], ["many", await many()]);
steps.push(["blob there", await store.head(blob.sha256)]);
if (!server) {
  steps.push(["left", leftOvers()]);
  mount("-o", "remount,ro");
  steps.push(["read-only", await put()]);
}
mount("-o", "remount,rw,size=64m");
steps.push(["put", await put()], ["many", await many()], ["blobs", (await store.list(null, 100)).length]);
await server?.stop();
console.log(JSON.stringify(steps));
