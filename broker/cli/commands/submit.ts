// tally submit: from a scene or a template to a job, and, when asked, to its end.
import { statSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import type { Answer, Client } from "../../contract/client.ts";
import type { Job } from "../../contract/job.ts";
import { findOrStart, type FoundBroker } from "../background.ts";
import {
  connect,
  dataFolderOf,
  findBroker,
  isHealthy,
  isNamed,
  isOwnBroker,
  readConnection,
} from "../connect.ts";
import { usage } from "../arguments.ts";
import { exitCodes, Failure } from "../failure.ts";
import { counted, size } from "../humane.ts";
import { nearest } from "../../contract/nearest.ts";
import { workOf } from "../job-words.ts";
import { asTypedHere, tally } from "../own-name.ts";
import { paint, plain, plainLines } from "../style.ts";
import type { Prepared } from "../prepared.ts";
import { readSubmit, submitHelp, type SubmitValues } from "../submit-flags.ts";
import { measureInputs, sendJob } from "../submit-send.ts";
import { write } from "../write.ts";
import { watchJob, type WatchOptions } from "./watch.ts";

export { submitHelp };

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
    if (!values.json) for (const note of ready.notes) await write(`${asTypedHere(plainLines(note))}\n`);
    // From here on every event belongs to this job's story, its first frame too.
    const { cursor } = await client.call<Answer<"listEvents">>("get", "/v1/events");
    const job = await sendJob(client, ready, values);
    if (job === undefined) return exitCodes.interrupted;
    await ready.dispose();
    await say(job, ready, broker, values);
    if (!values.wait) return exitCodes.ok;
    const find = () => findBroker(values);
    const bring = isOwnBroker(values, client) ? undefined : pullFor(values, job.number);
    return (await watchJob({ ...values, find, number: job.number, after: cursor, bring })).code;
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
  if (info.isDirectory()) {
    const { prepareBundle } = await import("../submit-bundle.ts");
    return prepareBundle(file, values);
  }
  throw usage(
    "submit",
    `${file} is neither a scene (.blend), a job template (.yaml, .json) nor the folder of a job bundle.`,
  );
}

async function prepareNamed(client: Client, values: SubmitValues): Promise<Prepared> {
  const { prepareNamedTemplate } = await import("../submit-template.ts");
  return prepareNamedTemplate(client, values.template ?? "", values);
}

/** Brings the files home as they come, where the broker is on another machine. */
function pullFor(values: SubmitValues, number: number): WatchOptions["bring"] {
  return async (signal) => {
    const { pullJob } = await import("../pull-job.ts");
    const { files } = await pullJob({
      find: () => findBroker(values),
      number,
      follow: true,
      blobs: null,
      signal,
    });
    return files.flatMap(({ artifact, result, problem = null }) =>
      result === "failed" ? [{ ...artifact, problem }] : [],
    );
  };
}

async function say(job: Job, prepared: Prepared, broker: FoundBroker, values: SubmitValues): Promise<void> {
  const { files, film, blender } = prepared;
  if (values.json) {
    const answer = { job, files, film, blender, brokerStarted: broker.started };
    await write(`${JSON.stringify(values.wait ? { kind: "submitted", ...answer } : answer)}\n`);
    return;
  }
  await write(`${paint("bold", `Job ${job.number}: ${plain(job.name)}`)}, ${workOf(job)}\n`);
  if (files !== null) await write(filesText(files));
  if (film !== null) await write(`  film   ${plain(film)}\n`);
  if (job.state === "paused") await write(`  It waits for you: ${tally(`resume ${job.number}`)}\n`);
  if (!values.wait) await write(`  watch  ${tally(`watch ${job.number}`)}\n`);
}

function filesText({ first, last }: { first: string; last: string }): string {
  return `  first  ${plain(first)}\n  last   ${plain(last)}\n`;
}

/** Shows what would be submitted. Asks a broker that runs; starts none. */
async function dryRun(values: SubmitValues, file: string | undefined): Promise<number> {
  const own = await prepareWithoutBroker(values, file);
  let prepared = own;
  try {
    const running = await runningBroker(values, own === undefined);
    prepared ??= await prepareNamed(running as Client, values);
    const { files, film, notes, blender } = prepared;
    const plan =
      running === undefined
        ? undefined
        : await running.call<Answer<"planJob">>("post", "/v1/plans", { body: prepared.body });
    const inputs = await measureInputs(running, prepared, values);
    const tasks = plan?.taskCount ?? prepared.taskCount ?? 0;
    if (values.json) {
      const steps = plan?.steps ?? null;
      const { bytes, bytesToSend, inPlace } = inputs;
      const answer = {
        dryRun: true,
        tasks,
        steps,
        files,
        film,
        blender,
        inPlace,
        inputFiles: inputs.files,
        bytes,
        bytesToSend,
      };
      await write(`${JSON.stringify(answer)}\n`);
      return exitCodes.ok;
    }
    for (const note of [...notes, ...inputs.notes]) await write(`${asTypedHere(plainLines(note))}\n`);
    if (files !== null) await write(filesText(files));
    if (film !== null) await write(`  film   ${plain(film)}\n`);
    for (const step of (plan?.steps.length ?? 0) > 1 ? (plan?.steps ?? []) : [])
      await write(`  ${plain(step.name)}: ${counted(step.taskCount, "task")}\n`);
    await write(`${counted(tasks, "task")}${inputsText(prepared, inputs)}\nNothing was submitted.\n`);
    return exitCodes.ok;
  } finally {
    await prepared?.dispose();
  }
}

function inputsText(
  { inputs: { scene } }: Prepared,
  { files, bytes, bytesToSend }: { files: number; bytes: number; bytesToSend: number },
): string {
  if (files === 0) return "";
  const what = files === 1 && scene ? "the scene is" : `${counted(files, "input file")},`;
  const there = bytesToSend === 0 ? ", which the broker has already" : "";
  const part = bytesToSend > 0 && bytesToSend < bytes ? `, ${size(bytesToSend)} of it to be sent` : "";
  return `; ${what} ${size(bytes)}${there}${part}`;
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
