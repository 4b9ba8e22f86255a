// tally submit: from a scene or a template to a job, and, when asked, to its end.
import { statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { UnreachableError, type Answer, type Client } from "../../contract/client.ts";
import type { Job } from "../../contract/job.ts";
import { findOrStart, type FoundBroker } from "../background.ts";
import { connect, dataFolderOf, findBroker, isHealthy, isNamed, readConnection } from "../connect.ts";
import { usage } from "../arguments.ts";
import { exitCodes, Failure } from "../failure.ts";
import { counted, size } from "../humane.ts";
import { nearest } from "../nearest.ts";
import { tally } from "../own-name.ts";
import { paint } from "../style.ts";
import { newIdempotencyKey, readSubmit, submitHelp, type SubmitValues } from "../submit-flags.ts";
import type { Prepared } from "../submit-scene.ts";
import { missingOf, send } from "../upload.ts";
import { write } from "../write.ts";
import { watchJob } from "./watch.ts";

export { submitHelp };

/** A scene of this size takes long enough to send to be worth a word, bytes. */
const worthAWord = 50_000_000;

/** Runs `tally submit`. */
export async function submit(args: string[]): Promise<number> {
  const { values, file } = readSubmit(args);
  if (values["dry-run"]) return dryRun(values, file);
  const prepared = await prepareWithoutBroker(values, file);
  let disposable = prepared;
  try {
    const broker = await findOrStart(values);
    const { client } = broker;
    if (broker.started && !values.json) await write(startedText(broker));
    disposable ??= await prepareNamed(client, values);
    const ready = disposable;
    if (!values.json) for (const note of ready.notes) await write(`${note}\n`);
    // From here on every event belongs to this job's story, its first frame too.
    const { cursor } = await client.call<Answer<"listEvents">>("get", "/v1/events");
    await sendFiles(client, ready, values);
    const job = await post(client, ready);
    await ready.dispose();
    await say(job, ready, broker, values);
    if (!values.wait) return exitCodes.ok;
    const find = () => findBroker(values);
    return (await watchJob({ ...values, client, find, number: job.number, after: cursor })).code;
  } finally {
    await disposable?.dispose();
  }
}

/** What to say when a broker was started in the background. */
export function startedText({ client, loginUrl }: FoundBroker): string {
  const page = loginUrl === undefined ? "" : `  status page (this address works once): ${loginUrl}\n`;
  return `The broker was not running; it runs now in the background at ${client.url}.\n${page}  stop it: ${tally("stop")}\n`;
}

/** Prepares what needs no broker, so that a mistake starts none; a template of the broker's own is undefined. */
async function prepareWithoutBroker(
  values: SubmitValues,
  file: string | undefined,
): Promise<Prepared | undefined> {
  if (file === undefined) return undefined;
  const info = statSync(file, { throwIfNoEntry: false });
  const kind = extname(file).toLowerCase();
  if (/^\.blend\d*$/.test(kind)) {
    const { prepareScene } = await import("../submit-scene.ts");
    return prepareScene(file, values);
  }
  if ([".yaml", ".yml", ".json"].includes(kind)) {
    if (info === undefined) throw await noSuchFile(file);
    const { prepareTemplateFile } = await import("../submit-template.ts");
    return prepareTemplateFile(file, values);
  }
  if (info === undefined) throw await noSuchFile(file);
  throw usage("submit", `${file} is neither a scene (.blend) nor a job template (.yaml, .json).`);
}

async function prepareNamed(client: Client, values: SubmitValues): Promise<Prepared> {
  const { prepareNamedTemplate } = await import("../submit-template.ts");
  return prepareNamedTemplate(client, values.template ?? "", values);
}

/** Submits; an answer that was lost on the way is asked for again with the same key, which cannot make a second job. */
async function post(client: Client, { body }: Prepared): Promise<Job> {
  const headers = { "idempotency-key": newIdempotencyKey() };
  for (let left = 3; ; left -= 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one try after another
      return await client.call<Answer<"submitJob">>("post", "/v1/jobs", { body, headers });
    } catch (error) {
      if (!(error instanceof UnreachableError) || left === 0) throw error;
      // oxlint-disable-next-line no-await-in-loop -- a broker that restarts needs a moment
      await pause(1000);
    }
  }
}

async function sendFiles(client: Client, { uploads }: Prepared, values: SubmitValues): Promise<void> {
  const missing = await missingOf(client, uploads);
  const bytes = missing.reduce((sum, one) => sum + one.bytes, 0);
  if (bytes > worthAWord && !values.json) await write(`Sending ${size(bytes)} …\n`);
  await send(client, missing);
}

async function say(job: Job, prepared: Prepared, broker: FoundBroker, values: SubmitValues): Promise<void> {
  const { files, blender } = prepared;
  if (values.json) {
    const answer = { job, files, blender, brokerStarted: broker.started };
    await write(`${JSON.stringify(values.wait ? { kind: "submitted", ...answer } : answer)}\n`);
    return;
  }
  await write(`${paint("bold", `Job ${job.number}: ${job.name}`)}, ${counted(job.taskCount, "frame")}\n`);
  if (files !== null) await write(`  first  ${files.first}\n  last   ${files.last}\n`);
  if (values.paused) await write(`  It waits for you: ${tally(`resume ${job.number}`)}\n`);
  if (!values.wait) await write(`  watch  ${tally(`watch ${job.number}`)}\n`);
}

/** Shows what would be submitted. Asks a broker that runs; starts none. */
async function dryRun(values: SubmitValues, file: string | undefined): Promise<number> {
  const own = await prepareWithoutBroker(values, file);
  let prepared = own;
  try {
    const running = await runningBroker(values, own === undefined);
    prepared ??= await prepareNamed(running as Client, values);
    const { files, notes, uploads, blender } = prepared;
    const plan =
      running === undefined
        ? undefined
        : await running.call<Answer<"planJob">>("post", "/v1/plans", { body: prepared.body });
    const missing = running === undefined ? uploads : await missingOf(running, uploads);
    const tasks = plan?.taskCount ?? prepared.taskCount ?? 0;
    const bytes = uploads.reduce((sum, one) => sum + one.bytes, 0);
    const bytesToSend = missing.reduce((sum, one) => sum + one.bytes, 0);
    if (values.json) {
      const steps = plan?.steps ?? null;
      await write(`${JSON.stringify({ dryRun: true, tasks, steps, files, blender, bytes, bytesToSend })}\n`);
      return exitCodes.ok;
    }
    for (const note of notes) await write(`${note}\n`);
    if (files !== null) await write(`  first  ${files.first}\n  last   ${files.last}\n`);
    for (const step of (plan?.steps.length ?? 0) > 1 ? (plan?.steps ?? []) : [])
      await write(`  ${step.name}: ${counted(step.taskCount, "task")}\n`);
    const there = bytesToSend === 0 ? ", which the broker has already" : "";
    const files_ = uploads.length === 0 ? "" : `; the scene is ${size(bytes)}${there}`;
    await write(`${counted(tasks, "task")}${files_}\nNothing was submitted.\n`);
    return exitCodes.ok;
  } finally {
    await prepared?.dispose();
  }
}

async function runningBroker(values: SubmitValues, needed: boolean): Promise<Client | undefined> {
  if (needed || isNamed(values)) return connect(values);
  if (readConnection(dataFolderOf(values)) === undefined) return undefined;
  const client = findBroker(values);
  return (await isHealthy(client)) ? client : undefined;
}

async function noSuchFile(file: string): Promise<Failure> {
  const folder = dirname(resolve(file));
  const names = await readdir(folder).catch((): string[] => []);
  const meant = nearest(basename(file), names);
  const hint =
    meant === undefined ? "Check its name and folder." : `Did you mean ${join(dirname(file), meant)}?`;
  return new Failure(`There is no file ${file}. ${hint}`);
}
