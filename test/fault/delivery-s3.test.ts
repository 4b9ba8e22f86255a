// A broker that keeps bytes in S3: frames come home from there, its zip is read from there, and what is cleaned is gone
// there; on days when that server is away too.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { packOf } from "../support/blobs.ts";
import { submit, until, untilState } from "../support/builders.ts";
import { artifactsOf, shot, untilDelivered } from "../support/delivery.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { joinWorker } from "../support/fake-worker.ts";
import { startS3Server } from "../support/s3-server.ts";
import { testBroker, testFolder } from "../support/start-broker.ts";

async function brokerOnS3() {
  const server = await startS3Server();
  onTestFinished(() => server.stop());
  const line = await startFaultProxy(server.endpoint);
  onTestFinished(() => line.close());
  vi.stubEnv("AWS_ACCESS_KEY_ID", server.credentials.accessKeyId);
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", server.credentials.secretAccessKey);
  onTestFinished(() => void vi.unstubAllEnvs());
  const dataFolder = testFolder();
  const storage = { kind: "s3", bucket: server.bucket, endpoint: line.url, prefix: "farm/" };
  writeFileSync(join(dataFolder, "tally.yaml"), JSON.stringify({ storage }));
  return { broker: await testBroker({ dataFolder }), line, folder: join(server.folder, "farm", "blobs") };
}

test("a frame that was uploaded to S3 comes home, is in the zip, and is cleaned there", async () => {
  const { broker, folder } = await brokerOnS3();
  const { api } = broker;
  const { file, settings } = shot();
  const { number } = await submit(api, [{ frames: "1" }], settings);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const sent = await worker.upload(held, "a frame", file);
  await worker.succeed(held, { files: [sent] });
  await untilDelivered(api, number);
  expect(readFileSync(file, "utf8")).toBe("a frame");
  const zip = await api.raw("getArchive", { params: { job: number } });
  expect(zip.text).toContain("a frame");
  expect(await api.ok("getSystem")).toMatchObject({
    storage: { kind: "s3", folder: null, blobs: 1, bytes: 7 },
  });
  await untilState(api, number, "succeeded");
  expect(readdirSync(join(folder, sent.sha256.slice(0, 2)))).toEqual([sent.sha256]);
  const cleaned = await api.ok("clean", { body: { dryRun: false, job: String(number) } });
  expect(cleaned.results).toEqual({ files: 1, bytes: 7 });
  expect(existsSync(join(folder, sent.sha256.slice(0, 2), sent.sha256))).toBe(false);
  expect(readFileSync(file, "utf8")).toBe("a frame");
});

test("the store does not answer: the frame is done, its problem is told, and it comes home once the store is back", async () => {
  const { broker, line } = await brokerOnS3();
  const { api } = broker;
  const { file, home, settings } = shot();
  const { number } = await submit(api, [{ frames: "1" }], settings);
  const worker = await joinWorker(broker);
  const held = await worker.work();
  const sent = await worker.upload(held, "a frame", file);
  line.onRequest(() => ({ answer: { status: 503 } }));
  await worker.succeed(held, { files: [sent] });
  const told = await until(api, async () =>
    (await artifactsOf(api, number)).find((one) => one.problem !== null),
  );
  expect(told).toMatchObject({ deliveredAt: null, outside: false });
  expect(readdirSync(home)).toEqual([]);
  await api.problem("putPack", "storage-down", { bytes: packOf(["x"]) });
  line.onRequest(() => undefined);
  broker.broker.wake.deliveries();
  await untilDelivered(api, number);
  expect(readFileSync(file, "utf8")).toBe("a frame");
});
