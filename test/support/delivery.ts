// What tests of frames on their way home share.
import { join } from "node:path";
import type { Artifact } from "../../broker/contract/attempt.ts";
import type { Api } from "./api.ts";
import { until } from "./builders.ts";
import type { FakeWorker } from "./fake-worker.ts";
import { testFolder, type TestBroker } from "./start-broker.ts";

/** The result files of a job. */
export async function artifactsOf(api: Api, job: number): Promise<Artifact[]> {
  return (await api.ok("listArtifacts", { params: { job } })).items;
}
/** Waits until so many files of a job are home, or left out. */
export const untilDelivered = (api: Api, job: number, count = 1) =>
  until(api, async () => {
    const items = await artifactsOf(api, job);
    return items.filter((one) => one.deliveredAt !== null).length === count ? items : undefined;
  });
/** Waits until a file of a job has a problem. */
export const untilProblem = (api: Api, job: number) =>
  until(api, async () => (await artifactsOf(api, job)).find((one) => one.problem !== null));

/** Waits until nothing of a job is staged any more. No event tells it: it is looked at turn by turn. */
export async function untilStored({ broker }: TestBroker, job: number): Promise<void> {
  const staged = broker.reader.prepare("SELECT 1 FROM artifacts WHERE job_id = ? AND staged <> ''");
  // oxlint-disable-next-line no-await-in-loop -- a turn of the loop is what it needs
  while (staged.get(job) !== undefined) await new Promise((turn) => setImmediate(turn));
}

/** A place for one frame, and the settings of a job that may write there. */
export interface Shot {
  home: string;
  file: string;
  settings: { outputFolders: string[] };
}
/** A shot of the running test. */
export function shot(name = "0001.png"): Shot {
  const home = join(testFolder(), "render");
  return { home, file: join(home, name), settings: { outputFolders: [home] } };
}
/** Renders the next frame with one staged file. */
export const render = async (worker: FakeWorker, home: string, text = "a frame") => {
  const held = await worker.work();
  const file = worker.stage(held, "0001.png", text, home);
  await worker.succeed(held, { files: [file] });
  return { held, file };
};
