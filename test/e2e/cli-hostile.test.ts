// What others wrote steers no terminal: names, labels, reasons and files' names of older versions, whose databases may
// hold anything, through every command that prints them. New ones are refused at the door.
import { join } from "node:path";
import Database from "better-sqlite3";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Job, SubmitInput } from "../../broker/contract/job.ts";
import { createDesk, type Desk, type Said } from "./cli-support.ts";
import { submission, submit } from "../support/builders.ts";
import { joinWorker, registration, workerAt, type FakeWorker } from "../support/fake-worker.ts";
import { openBroker, testBroker, testFolder } from "../support/start-broker.ts";

let desk: Desk;
beforeAll(async () => {
  desk = await createDesk();
});
afterAll(() => desk.close());

/** Clears the screen, renames the window, begins a line, and turns letters around. */
const bad = (word: string): string => `${word}\u001b[2J\u001b]0;x\u0007\nforged\u009b1m\u202e`;
const shown = (word: string): string => `${word} [2J ]0;x forged 1m `;
// oxlint-disable-next-line no-control-regex -- these are what it is about
const obeyed = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/;

test("names of older versions are printed plainly by every command, and given as they are in JSON", async () => {
  const dataFolder = testFolder();
  const home = testFolder();
  const first = await openBroker({ dataFolder });
  await first.api.ok("createToken", { body: { role: "viewer", name: "guest" } });
  const settings: SubmitInput["settings"] = { home: "pull", outputFolders: [home], maxRetries: 0 };
  const steps = [
    { name: "Draw", frames: "1-3" },
    { name: "Join", frames: "1-1", dependsOn: ["Draw"] },
  ];
  const { number } = await submit(first.api, steps, settings);
  const worker = await joinWorker(first, { name: "machine", pool: "far" });
  const render = async (one: FakeWorker) => {
    const held = await one.work();
    const file = join(home, bad(`file ${held.lease.tasks[0]?.ordinal}`));
    await one.succeed(held, { files: [await one.upload(held, "x", file)] });
  };
  await render(worker);
  await worker.fail(await worker.work(), bad("reason"));
  await first.stop();
  const db = new Database(join(dataFolder, "tally.db"));
  db.prepare("UPDATE workers SET name = ?").run(bad("machine"));
  db.prepare("UPDATE tokens SET name = ? WHERE role = 'viewer'").run(bad("guest"));
  db.prepare("UPDATE jobs SET name = ?, owner = ?, labels = ?").run(
    bad("shot"),
    bad("ana"),
    JSON.stringify({ [bad("show")]: bad("orbit") }),
  );
  db.close();

  const broker = await testBroker({ dataFolder });
  const said: Said[] = [];
  const tally = async (...args: string[]): Promise<Said> => {
    const one = await desk.tally(...args, "--data", dataFolder);
    said.push(one);
    return one;
  };
  const job = String(number);
  const again = workerAt(broker, broker.api.as(worker.token), worker.id, worker.token);
  expect((await tally("ls")).out).toContain(`${shown("shot")}  ${shown("ana")}`);
  expect((await tally("workers")).out).toContain(shown("machine"));
  expect((await tally("token", "list")).out).toContain(shown("guest"));
  expect((await tally("workers", "pause", shown("machine"))).out).toContain(
    `${shown("machine")} takes no more`,
  );
  const { out } = await tally("show", job);
  for (const word of ["shot", "ana", "reason", "machine"]) expect(out).toContain(shown(word).trim());
  expect(out).toContain(`${shown("show")}=${shown("orbit")}`.trim());
  await tally("workers", "resume", shown("machine"));
  const watching = desk.start("watch", "--lines", job, "--data", dataFolder);
  await watching.printed(/1 of 4 frames done/);
  await render(again);
  expect((await tally("pull", job, "--to", join(desk.folder, "there"))).out).toContain("2 files");
  // The other step will never begin, so this is the end.
  const ended = await watching.ended;
  expect(ended.out).toContain(`[${shown("machine")}]`);
  expect(ended.out).toContain(shown("reason").trim());
  said.push(ended);
  await tally("logs", job);
  await tally("watch", job);
  expect((await tally("pull", job)).code).toBe(1);
  await tally("pull", job, "--step", bad("none"));
  await tally("workers", "pause", bad("nobody"));
  await tally("requeue", job, "--step", bad("none"));
  for (const { out: text, err } of said) expect(text + err).not.toMatch(obeyed);

  const { out: json } = await desk.tally("ls", "--json", "--data", dataFolder);
  const { jobs } = JSON.parse(json) as { jobs: Job[] };
  expect(jobs[0]).toMatchObject({ name: bad("shot"), owner: bad("ana") });
});

test("a worker, a token, a job and a label that would steer a terminal are refused, in a sentence that says why", async () => {
  const broker = await testBroker();
  const why = "It holds a line break or another control character.";
  const worker = broker.api.as(await broker.tokenFor("worker"));
  const detailOf = async (asked: Promise<{ detail: string }>): Promise<string> => (await asked).detail;
  expect(
    await detailOf(
      worker.problem("registerWorker", "invalid", { body: registration({ name: bad("machine") }) }),
    ),
  ).toBe(`The field name is not valid. ${why}`);
  expect(
    await detailOf(
      broker.api.problem("createToken", "invalid", { body: { role: "artist", name: bad("ana") } }),
    ),
  ).toBe(`The field name is not valid. ${why}`);
  const settings = [
    [{ name: bad("shot") }, `The field settings.name is not valid. ${why}`],
    [{ labels: { show: bad("orbit") } }, `The field settings.labels.show is not valid. ${why}`],
  ] as const;
  for (const [one, detail] of settings)
    expect(
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await detailOf(broker.api.problem("planJob", "invalid", { body: submission([{}], one) })),
    ).toBe(detail);
  const body = submission([{}], { labels: { [bad("show")]: "orbit" } });
  expect(await detailOf(broker.api.problem("planJob", "invalid", { body }))).toContain(why);
});
