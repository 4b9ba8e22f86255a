// What tests of `tally watch` share: the watcher, what it told, and a broker's data as a backup has it.
import { cpSync } from "node:fs";
import { basename, join } from "node:path";
import Database from "better-sqlite3";
import { renewEpoch } from "../../broker/store/feed.ts";
import { until } from "../e2e/agent-support.ts";
import type { Desk, Running } from "../e2e/cli-support.ts";
import type { FakeWorker } from "./fake-worker.ts";
import { testBroker, testFolder, type TestBroker } from "./start-broker.ts";

/** Starts `tally watch` of a broker. */
export const watch = (desk: Desk, url: string, token: string, ...more: string[]): Running =>
  desk.start("watch", "--broker", url, "--token", token, ...more);

/** The numbers of the frames that were told as finished, in the order of the lines. */
export const told = (text: string): number[] =>
  [...text.matchAll(/^frame (\d+)(?:\/\d+)? +\d/gm)].map((line) => Number(line[1]));

/** Numbers from the first to the last. */
export const frames = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n);

/** Renders so many frames, one after the other. */
export async function finish(worker: FakeWorker, count: number): Promise<void> {
  for (let done = 0; done < count; done++)
    // oxlint-disable-next-line no-await-in-loop -- frame after frame
    await worker.succeed(await worker.work());
}

/** Waits until a watcher follows a job: `--json` says nothing at first, so the priority is changed until it tells of that. */
export async function follows(running: Running, { api }: TestBroker, job: number): Promise<void> {
  let priority = 0;
  await until("the watcher follows", async () => {
    priority = (priority + 1) % 50;
    await api.ok("setJobPriority", { params: { job }, body: { priority } });
    return running.text().includes("\n");
  });
}

/** The folder of a broker as a backup has it, to be started as another history. */
export function backUp({ dataFolder }: TestBroker): string {
  const backup = testFolder();
  cpSync(dataFolder, backup, {
    recursive: true,
    filter: (path) => !/^(lock\.db|.*-shm)/.test(basename(path)),
  });
  return backup;
}

/** A broker on what was backed up, as after a restore. */
export async function restore(backup: string): Promise<TestBroker> {
  const db = new Database(join(backup, "tally.db"));
  renewEpoch(db);
  db.close();
  return await testBroker({ dataFolder: backup });
}
