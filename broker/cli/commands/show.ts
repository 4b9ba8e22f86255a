// tally show: one job with its steps, its failures, and what to do next.
import { brokerClock } from "../../contract/broker-clock.ts";
import type { Answer, Client } from "../../contract/client.ts";
import { estimateOf } from "../../contract/estimate.ts";
import type { JobDetail } from "../../contract/job.ts";
import { createTimings } from "../../contract/timings.ts";
import type { Worker } from "../../contract/worker.ts";
import { brokerHelp, brokerOptions, readArguments, readJob } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes } from "../failure.ts";
import { counted, duration, moment, rangeOf, roughly } from "../humane.ts";
import { createFrameNames, getJob, readTimes, undelivered } from "../job-reads.ts";
import { countsWords, failureLines, isHeld, notHomeWords, pausedHint } from "../job-words.ts";
import { asTypedHere, tally } from "../own-name.ts";
import { forTerminal, paint, paintState, plain, table } from "../style.ts";
import { write } from "../write.ts";

/** The help text of `tally show`. */
export const showHelp = `tally show  [JOB]

Shows one job: its state, its steps, where its files go, why frames failed, and what to do next. Without a number: the
latest job.

${brokerHelp}`;

/** Runs `tally show`. */
export async function show(args: string[]): Promise<number> {
  const { values, positionals } = readArguments("show", args, brokerOptions, {
    most: 1,
    what: "one job number",
  });
  const wanted = readJob("show", positionals[0]);
  const client = await connect(values);
  const answer = await getJob(client, wanted);
  if (values.json) {
    await write(`${JSON.stringify(answer)}\n`);
    return exitCodes.ok;
  }
  const job = plain(answer);
  const reason = job.intentReason === null ? "" : `: ${asTypedHere(job.intentReason)}`;
  await write(`${paint("bold", `Job ${job.number}  ${job.name}`)}  ${paintState(job.state)}${reason}\n\n`);
  const atWork = await workersOf(client, answer);
  await write(table(facts(job, atWork.length, plain(await timeLeft(client, answer, atWork)))));
  if (job.steps.length > 1 || job.failures.length > 0) await write(`\n${stepTable(job)}`);
  if (job.failures.length > 0) {
    const lines = await failureLines(answer, createFrameNames(client, answer));
    await write(`\nFailed\n${forTerminal(lines.join("\n"))}\n`);
  }
  if (job.endedAt !== null) {
    const open = await undelivered(client, job.number);
    const stuck = open.filter(({ problem }) => problem !== null);
    const words = stuck.slice(0, 5).map((artifact) => notHomeWords(artifact));
    if (stuck.length > 5) words.push(`and ${counted(stuck.length - 5, "other file")}`);
    if (words.length > 0) await write(`\nNot home: ${words.join("\n          ")}\n`);
    if (job.settings.home === "pull" && open.length > 0)
      await write(`\n${counted(open.length, "file")} not home yet: ${tally(`pull ${job.number}`)}\n`);
  }
  await write(`\n${forTerminal(pausedHint(job) ?? nextStep(job))}\n`);
  return exitCodes.ok;
}

/** Who works on it. */
async function workersOf(client: Client, { number, endedAt }: JobDetail): Promise<Worker[]> {
  if (endedAt !== null) return [];
  const { items } = await client.call<Answer<"listWorkers">>("get", "/v1/workers");
  return items.filter((one) => one.jobNumber === number);
}

/** How long it still takes, as watching and the page say it; null while nobody knows, or nobody renders it or goes on with it. */
async function timeLeft(client: Client, job: JobDetail, atWork: readonly Worker[]): Promise<string | null> {
  if (job.startedAt === null || job.endedAt !== null) return null;
  const machines = atWork.length;
  if (machines === 0 || isHeld(job, atWork)) return null;
  const timings = createTimings(job.number);
  await readTimes(client, job.number, timings);
  const left = estimateOf(job, timings, machines, brokerClock.now());
  if (left === null) return null;
  const between = rangeOf(left.low, left.high);
  const later = left.unknown.length === 0 ? "" : `, then ${left.unknown.join(", ")}`;
  return `about ${roughly(left.seconds)}${between === "" ? "" : ` (${between})`}${later}`;
}

function facts(job: JobDetail, workers: number, left: string | null): string[][] {
  const rows: [string, string | null][] = [
    ["frames", `${counted(job.taskCount, "frame")}: ${countsWords(job, workers)}`],
    ["range", job.parameters["Frames"]?.value ?? null],
    ["files", job.outputPattern],
    ["home", job.deliveredFiles > 0 ? counted(job.deliveredFiles, "file") : null],
    ["owner", job.owner],
    ["priority", job.priority === 50 ? null : String(job.priority)],
    ["Blender", job.settings.blenderSeries ?? null],
    ["submitted", moment(job.createdAt)],
    ["took", tookOf(job)],
    ["left", left],
    [
      "labels",
      Object.entries(job.labels)
        .map(([key, value]) => `${key}=${value}`)
        .join("  ") || null,
    ],
  ];
  return rows.flatMap(([name, value]) => (value === null ? [] : [[paint("dim", name), value]]));
}

function tookOf(job: JobDetail): string | null {
  if (job.startedAt === null || job.endedAt === null) return null;
  return duration((Date.parse(job.endedAt) - Date.parse(job.startedAt)) / 1000);
}

function stepTable(job: JobDetail): string {
  const head = ["step", "done", "failed", "a frame", "after"].map((word) => paint("dim", word));
  const rows = job.steps.map((step) => [
    step.name,
    `${step.counts.succeeded}/${step.taskCount}`,
    step.counts.failed > 0 ? paint("red", String(step.counts.failed)) : "",
    step.meanSeconds === null ? "" : duration(step.meanSeconds),
    step.dependsOn.join(", "),
  ]);
  return table([head, ...rows], [1, 2]);
}

function nextStep({ state, number, counts }: JobDetail): string {
  switch (state) {
    case "failed":
      return `What the renderer said: ${tally(`logs ${number}`)}\nRender them again:      ${tally(`requeue ${number} --failed`)}`;
    case "canceled":
      return `Render the rest after all: ${tally(`requeue ${number}`)}`;
    case "paused":
    case "pausing":
      return `Go on: ${tally(`resume ${number}`)}`;
    case "succeeded":
      return `Render it all again: ${tally(`requeue ${number} --all`)}`;
    case "running":
    case "queued":
      return counts.failed > 0
        ? `Watch it: ${tally(`watch ${number}`)}\nWhat the renderer said: ${tally(`logs ${number}`)}`
        : `Watch it: ${tally(`watch ${number}`)}`;
    case "loading":
    case "canceling":
      return `Watch it: ${tally(`watch ${number}`)}`;
  }
}
