// tally pull: brings the results of jobs home, or elsewhere, or into one zip.
import { access } from "node:fs/promises";
import type { Answer, Client } from "../../contract/client.ts";
import type { JobDetail } from "../../contract/job.ts";
import { createRate } from "../../../container/agent/files/rate.ts";
import { brokerHelp, brokerOptions, readArguments, readJob, usage } from "../arguments.ts";
import { createAsking } from "../asking.ts";
import { completenessLines } from "../completeness.ts";
import { connect, findBroker, isOwnBroker } from "../connect.ts";
import { exitCodes, Failure, type ExitCode } from "../failure.ts";
import { FramesMistake, parseFrames, type Frames } from "../frames.ts";
import { counted, size } from "../humane.ts";
import { onInterrupt } from "../interrupt.ts";
import { getJob } from "../job-reads.ts";
import { asTypedHere, tally } from "../own-name.ts";
import { pullJob, type Pulled, type PullOptions } from "../pull-job.ts";
import { foldersOf } from "../pull-place.ts";
import { pullZip } from "../pull-zip.ts";
import { paint, plain } from "../style.ts";
import { awayText } from "../watch-lines.ts";
import { createTransferProgress } from "../transfer-progress.ts";
import { write } from "../write.ts";

/** The help text of `tally pull`. */
export const pullHelp = `tally pull  [JOB …]  [--follow] [--to FOLDER] [--filter PATTERN] …

Brings result files home: each whole, checked, under the name that a local render would have given it. What lies there
already is not fetched again, so typing it again goes on where it stopped. Without a job number: the latest job.

  --to FOLDER            into this folder instead of home; keeps the folders below the one that all results share.
                         The broker does not count such files as home
  --filter PATTERN       only names that match: *.exr, beauty/*, **/passes/**
  --frames LIST          only files of these frames: 1-10,15
  --step NAME            only files of this step
  --overwrite, --skip    when another file is there already. Default: as the job was told at submit; a file that was home
                         and was changed since stays as it is
  --partial              files of tries that failed or were canceled too, where no frame is done; with --follow at the end
  --follow               brings each file as it comes, until the job is over
  --zip FILE             all of one job in a zip instead, with a list inside; takes --filter and --step
${brokerHelp}
Ends with 0 when all that was asked for is here, 1 when frames or files are missing: it says which.
`;

const options = {
  ...brokerOptions,
  to: { type: "string" },
  filter: { type: "string" },
  frames: { type: "string" },
  step: { type: "string" },
  overwrite: { type: "boolean" },
  skip: { type: "boolean" },
  partial: { type: "boolean" },
  follow: { type: "boolean" },
  zip: { type: "string" },
} as const;

type Values = ReturnType<typeof readPull>["values"];

/** Runs `tally pull`. */
export async function pull(args: string[]): Promise<number> {
  const { values, positionals } = readPull(args);
  const names = (positionals.length === 0 ? [undefined] : positionals).map((one) => readJob("pull", one));
  const frames = values.frames === undefined ? undefined : readFrames(values.frames);
  const client = await connect(values);
  const jobs: JobDetail[] = [];
  // oxlint-disable-next-line no-await-in-loop -- all are looked up before the first byte is fetched
  for (const name of names) jobs.push(await getJob(client, name));
  const numbers = jobs.map(({ number }) => number);
  refuseUnknownStep(jobs, values.step);
  const stopped = onInterrupt();
  try {
    if (values.zip !== undefined) return await zip(client, numbers, values, stopped.signal);
    const own = createAsking(() => client, stopped.signal).client;
    const blobs = await ownBlobs(own, values);
    let code: ExitCode = exitCodes.ok;
    for (const number of new Set(numbers)) {
      // oxlint-disable-next-line no-await-in-loop -- one job after another, as they were named
      const pulled = await pullOne(number, frames, blobs, values, stopped.signal);
      if (!pulled) code = exitCodes.failed;
    }
    return code;
  } catch (error) {
    if (!stopped.signal.aborted) throw error;
    if (!values.json) console.error("Stopped. Type the same command again: it goes on where it stopped.");
    return exitCodes.interrupted;
  } finally {
    stopped.close();
  }
}

function readPull(args: readonly string[]) {
  const read = readArguments("pull", args, options, { most: 1000, what: "job numbers" });
  const { values, positionals } = read;
  if (values.overwrite && values.skip)
    throw usage("pull", "--overwrite and --skip say opposite things: give one of them.");
  if (values.zip !== undefined) {
    if (positionals.length > 1) throw usage("pull", "--zip takes one job: a zip for each is easier to find.");
    const other = (["to", "frames", "follow", "partial", "overwrite", "skip"] as const).find(
      (name) => values[name] !== undefined,
    );
    if (other !== undefined) throw usage("pull", `--zip and --${other} do not go together.`);
  }
  return read;
}

/** A step that none of the jobs has is a slip of the pen, not a wish for nothing. */
function refuseUnknownStep(jobs: readonly JobDetail[], step: string | undefined): void {
  const steps = [...new Set(jobs.flatMap((job) => job.steps.map(({ name }) => name)))];
  if (step === undefined || steps.includes(step)) return;
  const [first] = jobs;
  const who = jobs.length === 1 ? `Job ${first?.number} has` : "These jobs have";
  throw new Failure(`${who} no step called "${step}". There are: ${steps.join(", ")}.`, exitCodes.usage);
}

function readFrames(text: string): Frames {
  try {
    return parseFrames(text);
  } catch (error) {
    if (error instanceof FramesMistake) throw new Failure(error.message, exitCodes.usage);
    throw error;
  }
}

/** The broker's folder of bytes, where this is its own machine and it can be read. */
export async function ownBlobs(client: Client, values: Values | object): Promise<string | null> {
  if (!isOwnBroker(values, client)) return null;
  const { storage } = await client.call<Answer<"getSystem">>("get", "/v1/system");
  if (storage.folder === null) return null;
  return access(storage.folder).then(
    () => storage.folder,
    () => null,
  );
}

async function pullOne(
  number: number,
  frames: Frames | undefined,
  blobs: string | null,
  values: Values,
  signal: AbortSignal,
): Promise<boolean> {
  const { to, filter, step, partial, follow, json } = values;
  const progress = createTransferProgress({ silent: json === true });
  const total = { doneFiles: 0, doneBytes: 0, totalFiles: 0, totalBytes: 0 };
  let rate = createRate(0);
  const told: PullOptions = {
    find: () => findBroker(values),
    number,
    to,
    filter,
    frames,
    step,
    partial,
    follow,
    blobs,
    signal,
    conflict: values.overwrite ? "overwrite" : values.skip ? "skip" : undefined,
    onTotal: (files, bytes) => {
      total.totalFiles += files;
      total.totalBytes += bytes;
      rate = createRate(total.totalBytes);
    },
    onFile: async ({ artifact, path, result, problem }) => {
      total.doneFiles += 1;
      total.doneBytes += artifact.bytes;
      progress.moving("Bringing", total, rate.update(total));
      if (json)
        await write(
          `${JSON.stringify({ kind: "file", id: artifact.id, name: artifact.name, path, result, ...(problem !== undefined && { problem }) })}\n`,
        );
    },
    onWaiting: (why) => progress.waiting(why),
    onAway: (url, why) => {
      progress.close();
      if (!json) console.error(awayText(url, why));
    },
  };
  let pulled: Pulled;
  try {
    pulled = await pullJob(told);
  } finally {
    progress.close();
  }
  const { job, files, complete } = pulled;
  const failed = files.filter(({ result }) => result === "failed");
  if (json) await write(`${JSON.stringify({ kind: "end", job, complete, notHere: failed.length })}\n`);
  else await write(pulledText(pulled, to));
  return complete.isComplete && failed.length === 0;
}

/** How one job's pull ended, in a few lines. */
export function pulledText({ job, files, complete }: Pulled, to: string | undefined): string {
  const here = files.filter(({ result }) => result === "fetched" || result === "there");
  const there = here.filter(({ result }) => result === "there").length;
  const kept = files.filter(({ result }) => result === "kept");
  const failed = files.filter(({ result }) => result === "failed");
  const lines: string[] = [];
  const folders = foldersOf(here.concat(kept).map(({ path }) => path));
  const where = folders.length === 0 ? "" : ` in ${plain(folders[0])}`;
  const others = folders.length > 1 ? ` and ${counted(folders.length - 1, "other folder")}` : "";
  const bytes = size(here.reduce((sum, { artifact }) => sum + artifact.bytes, 0));
  const be = here.length === 1 ? "is" : "are";
  if (here.length > 0)
    lines.push(
      `${paint("green", `Job ${job.number}:`)} ${counted(here.length, "file")} (${bytes}) ${be} ${to === undefined ? "home" : "there"}${where}${others}${there > 0 && there < here.length ? `; ${there.toLocaleString("en-US")} had been there already` : ""}`,
    );
  else if (failed.length === 0 && kept.length === 0)
    lines.push(`Job ${job.number} has no files that were asked for.`);
  if (kept.length > 0)
    lines.push(
      `  ${counted(kept.length, "file")} already there ${kept.length === 1 ? "was" : "were"} kept. To replace: ${tally(`pull ${job.number} --overwrite`)}`,
    );
  if (failed.length > 0) {
    lines.push(paint("yellow", `Job ${job.number}: ${counted(failed.length, "file")} could not be brought:`));
    for (const { problem } of failed.slice(0, 10)) lines.push(`  ${asTypedHere(plain(problem ?? ""))}`);
    if (failed.length > 10) lines.push(`  and ${failed.length - 10} more`);
  }
  lines.push(...completenessLines(job, complete));
  return `${lines.join("\n")}\n`;
}

async function zip(
  client: Client,
  [number = 0]: number[],
  values: Values,
  signal: AbortSignal,
): Promise<ExitCode> {
  const { zip: file = "", filter, step, json } = values;
  const { path, bytes } = await pullZip(client, number, { file, filter, step, signal });
  if (json) await write(`${JSON.stringify({ job: number, zip: path, bytes })}\n`);
  else await write(`The results of job ${number} are in ${plain(path)} (${size(bytes)}).\n`);
  return exitCodes.ok;
}
