// Which of a job's files are brought, by a real broker and a worker that does as it is told.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { artifactsOf } from "../../test/support/delivery.ts";
import { submit } from "../../test/support/builders.ts";
import { failed, joinWorker, started, succeeded } from "../../test/support/fake-worker.ts";
import { testBroker, testFolder } from "../../test/support/start-broker.ts";
import { createClient } from "../contract/client.ts";
import { pullJob, type PullOptions } from "./pull-job.ts";

/** A job whose files wait at the broker, the worker for it, and what pulls them. */
async function waitingJob(frames: string) {
  const broker = await testBroker();
  const home = join(testFolder(), "render");
  const { number } = await submit(broker.api, [{ frames }], {
    outputFolders: [home],
    home: "pull",
    maxRetries: 0,
  });
  const worker = await joinWorker(broker);
  const client = createClient(broker.url, broker.adminToken);
  const pull = (more: Partial<PullOptions> = {}) =>
    pullJob({ find: () => client, number, blobs: null, signal: new AbortController().signal, ...more });
  /** Renders the next frame: a file of this name with this text. */
  const render = async (name: string, text: string, isPartial = false): Promise<void> => {
    const held = await worker.work();
    const [{ ordinal } = { ordinal: 0 }] = held.lease.tasks;
    const files = [await worker.upload(held, text, join(home, name))];
    const end = isPartial ? { ...failed(ordinal), files } : succeeded(ordinal, 1, files);
    await worker.report(held, [started(ordinal), end], { done: true });
  };
  const read = (name: string): string => readFileSync(join(home, name), "utf8");
  return { broker, number, home, render, pull, read };
}

test("of two frames that write one file the newer one is brought, also while the job is followed", async () => {
  const { broker, number, render, pull, read } = await waitingJob("1-2");
  await render("shared.log", "one");
  await render("shared.log", "one and two");
  const { complete, files } = await pull({ follow: true });
  expect(read("shared.log")).toBe("one and two");
  expect(await artifactsOf(broker.api, number)).not.toContainEqual(
    expect.objectContaining({ deliveredAt: null }),
  );
  expect(files.map(({ result }) => result)).toEqual(["fetched"]);
  expect(complete.isComplete).toBe(true);
});

test("a frame that is done while others are brought is brought too before all is said to be here", async () => {
  const { render, pull, read } = await waitingJob("1-2");
  await render("1.png", "one");
  let isSecondDone = false;
  const { complete, files } = await pull({
    onFile: async () => {
      if (isSecondDone) return;
      isSecondDone = true;
      await render("2.png", "two");
    },
  });
  expect(complete.isComplete).toBe(true);
  expect(read("2.png")).toBe("two");
  expect(files).toHaveLength(2);
});

test("what a failed try left never replaces a frame that counts", async () => {
  const { broker, number, render, pull, read } = await waitingJob("1");
  await render("1.png", "good");
  await broker.api.ok("requeueTasks", { params: { job: number }, body: { frames: "1" } });
  await render("1.png", "half", true);
  await pull({ partial: true });
  expect(read("1.png")).toBe("good");
});

test("a frame that was left out, because another file was there, is not said to be home", async () => {
  const { broker, number, home, render, pull, read } = await waitingJob("1");
  await render("1.png", "new");
  mkdirSync(home);
  writeFileSync(join(home, "1.png"), "mine");
  await pull({ conflict: "skip" });
  expect(read("1.png")).toBe("mine");
  const [artifact] = await artifactsOf(broker.api, number);
  expect(artifact).toMatchObject({
    deliveredAt: expect.any(String) as string,
    problem: `${join(home, "1.png")} was there already and was kept.`,
  });
  expect((await broker.api.ok("getJob", { params: { job: number } })).deliveredFiles).toBe(0);
  // Brought after all, it is home like any other, and counted once.
  await pull({ conflict: "overwrite" });
  await pull({ conflict: "overwrite" });
  expect(read("1.png")).toBe("new");
  expect((await artifactsOf(broker.api, number))[0]?.problem).toBe(null);
  expect((await broker.api.ok("getJob", { params: { job: number } })).deliveredFiles).toBe(1);
});

test("what is home when Ctrl-C comes is told to the broker", async () => {
  const { broker, number, render, pull, read } = await waitingJob("1-2");
  await render("1.png", "one");
  const stopped = new AbortController();
  const pulling = pull({ signal: stopped.signal, follow: true, onFile: () => stopped.abort() });
  await expect(pulling).rejects.toThrow(stopped.signal.reason as Error);
  expect(read("1.png")).toBe("one");
  const [artifact] = await artifactsOf(broker.api, number);
  expect(artifact?.deliveredAt).not.toBeNull();
});

test("a pattern that leaves frames out does not make them missing", async () => {
  const { render, pull } = await waitingJob("1-2");
  await render("1.png", "one");
  await render("2.png", "two");
  const { complete, files } = await pull({ filter: "1.*" });
  expect(files).toHaveLength(1);
  expect(complete).toEqual({ isComplete: true, steps: [] });
});

test("a file that cannot be put in its place says what to type, because nobody else tries again", async () => {
  const { render, pull, home } = await waitingJob("1");
  await render("1.png", "one");
  writeFileSync(home, "a file where a folder should be");
  const { files } = await pull();
  expect(files[0]?.problem).toMatch(/Move that file away, then type the same command again\./);
});
