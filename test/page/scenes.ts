// What a studio's broker may look like on a busy afternoon: jobs in every state, a few workers, times that differ.
import { randomUUID } from "node:crypto";
import type { Job, SubmitInput } from "../../broker/contract/job.ts";
import { templateOf, type StepShape } from "../support/builders.ts";
import {
  failed,
  joinWorker,
  started,
  succeeded,
  type FakeWorker,
  type Held,
} from "../support/fake-worker.ts";
import type { TestBroker } from "../support/start-broker.ts";
import { bringPreview, uploadBytes } from "./desk.ts";
import { smallCard, testCard } from "./png.ts";

/** Submits a job with a name of its own. */
export function submitNamed(
  broker: TestBroker,
  name: string,
  steps: readonly StepShape[] = [{}],
  settings: SubmitInput["settings"] = {},
): Promise<Job> {
  return broker.api.ok("submitJob", {
    headers: { "idempotency-key": randomUUID() },
    body: {
      template: templateOf(steps, name),
      settings: { home: "pull", outputFolders: ["/shots"], ...settings },
    },
  });
}

/** Renders up to `frames` frames, one after the other, each as long as `secondsOf` says; with pictures, and a preview of the last, if asked for. */
export async function render(
  broker: TestBroker,
  worker: FakeWorker,
  frames: number,
  secondsOf: (ordinal: number) => number = () => 1,
  withPictures = 0,
): Promise<void> {
  let last: { held: Held; ordinal: number; sha256: string } | undefined;
  for (let frame = 0; frame < frames; frame++) {
    // oxlint-disable no-await-in-loop -- one worker, one frame after the other
    const held = await worker.lease();
    if (!held) break;
    const ordinal = held.lease.tasks[0]?.ordinal ?? 0;
    const name = `/shots/${held.lease.jobNumber}/${String(ordinal + 1).padStart(4, "0")}.png`;
    const files = withPictures > 0 ? [await uploadBytes(broker, testCard(ordinal / withPictures), name)] : [];
    await worker.report(held, [started(ordinal), succeeded(ordinal, secondsOf(ordinal), files)], {
      done: true,
    });
    if (files[0]) last = { held, ordinal, sha256: files[0].sha256 };
    // oxlint-enable no-await-in-loop
  }
  if (last) await bringPreview(worker, last.held, last.sha256, smallCard(last.ordinal / withPictures));
}

/** Takes a frame and begins it. */
export async function begin(worker: FakeWorker, percent?: number, status = "Sample 64/160"): Promise<Held> {
  const held = await worker.work();
  const ordinal = held.lease.tasks[0]?.ordinal ?? 0;
  await worker.report(held, [started(ordinal)]);
  if (percent !== undefined)
    await worker.api.ok("renewLease", {
      params: { lease: held.lease.leaseId },
      body: { token: held.lease.token, progress: [{ ordinal, percent, status }] },
    });
  return held;
}

/** Lets a frame fail for good or, with tries left, for now. */
export async function failOne(worker: FakeWorker, reason: string): Promise<void> {
  const held = await worker.work();
  const ordinal = held.lease.tasks[0]?.ordinal ?? 0;
  await worker.report(held, [started(ordinal), failed(ordinal, reason)], { done: true });
}

/** The same times every run, as renders have them: near 4 s, some longer. */
export const usualSeconds = (ordinal: number): number =>
  3.2 + ((ordinal * 7919) % 17) / 10 + (ordinal % 23 === 11 ? 6 : 0);

/** A busy afternoon. Returns the job that is under way. */
export async function busyStudio(broker: TestBroker): Promise<Job> {
  const [desk, farm, laptop] = await Promise.all([
    joinWorker(broker, { name: "anna's desk" }),
    joinWorker(broker, { name: "render-01" }),
    joinWorker(broker, { name: "render-02" }),
  ]);
  await submitNamed(broker, "sc010_sh020 comp", [{ frames: "1-12" }], { labels: { show: "duel" } });
  await render(broker, farm, 12, usualSeconds, 12);
  const broken = await submitNamed(broker, "sc010_sh030 lookdev", [{ frames: "1-8" }], {
    maxRetries: 0,
    maxFailedTasks: 3,
  });
  await render(broker, farm, 3, usualSeconds);
  for (const reason of [
    "The image is empty: no camera sees anything.",
    "Out of GPU memory: the scene needs more than the 8 GB of this card.",
    "Out of GPU memory: the scene needs more than the 8 GB of this card.",
  ])
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    await failOne(laptop, reason);
  const canceled = await submitNamed(broker, "test_old_rig", [{ frames: "1-40" }], {
    labels: { show: "duel" },
  });
  await render(broker, farm, 9, usualSeconds);
  await broker.api.ok("setJobIntent", { params: { job: canceled.number }, body: { intent: "cancel" } });
  const paused = await submitNamed(broker, "env_valley turntable", [{ frames: "1001-1096" }], {
    labels: { show: "north" },
    priority: 30,
  });
  await render(broker, farm, 30, usualSeconds);
  await broker.api.ok("setJobIntent", { params: { job: paused.number }, body: { intent: "pause" } });
  const main = await submitNamed(
    broker,
    "sc020_sh010 beauty",
    [
      { name: "Render", frames: "1-240" },
      { name: "Encode", frames: "1", dependsOn: ["Render"] },
    ],
    { labels: { show: "duel", artist: "anna" }, priority: 60, maxRetries: 0 },
  );
  await render(broker, farm, 61, (ordinal) => (ordinal === 37 ? 58 : usualSeconds(ordinal)), 240);
  await failOne(laptop, "Out of GPU memory: the scene needs more than the 8 GB of this card.");
  await render(broker, farm, 20, usualSeconds, 240);
  await failOne(laptop, "The texture //maps/rock_height.exr is missing.");
  await render(broker, farm, 9, usualSeconds, 240);
  await begin(desk, 72);
  await begin(farm, 31);
  await begin(laptop);
  await submitNamed(broker, "sc020_sh020 previz", [{ frames: "1-50" }], { priority: 20 });
  await broker.api.ok("getJob", { params: { job: broken.number } });
  return main;
}
