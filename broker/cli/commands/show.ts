// tally show: one job with its steps, its failures, and what to do next.
import type { JobDetail } from "../../contract/job.ts";
import { brokerHelp, brokerOptions, readArguments, readJob } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes } from "../failure.ts";
import { counted, duration, moment, roughly } from "../humane.ts";
import { createFrameNames, getJob, undelivered } from "../job-reads.ts";
import { notHomeWords, pausedHint, secondsLeft } from "../job-words.ts";
import { tally } from "../own-name.ts";
import { paint, paintState, table } from "../style.ts";
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
  const job = await getJob(client, wanted);
  if (values.json) {
    await write(`${JSON.stringify(job)}\n`);
    return exitCodes.ok;
  }
  const reason = job.intentReason === null ? "" : `: ${job.intentReason}`;
  await write(`${paint("bold", `Job ${job.number}  ${job.name}`)}  ${paintState(job.state)}${reason}\n\n`);
  await write(table(facts(job)));
  if (job.steps.length > 1 || job.failures.length > 0) await write(`\n${stepTable(job)}`);
  if (job.failures.length > 0) {
    const frameOf = createFrameNames(client, job);
    await write("\nFailed\n");
    for (const { reason: why, count, step, ordinals } of job.failures) {
      // oxlint-disable-next-line no-await-in-loop -- at most 20 groups, printed in order
      const names = await Promise.all(ordinals.slice(0, 6).map((ordinal) => frameOf(step, ordinal)));
      const listed = names.filter((name) => name !== null);
      const more = count > listed.length ? ", …" : "";
      const which =
        listed.length === 0
          ? counted(count, "task")
          : `frame${count === 1 ? "" : "s"} ${listed.join(", ")}${more}`;
      // oxlint-disable-next-line no-await-in-loop -- see above
      await write(`  ${paint("red", which)}: ${why}\n`);
    }
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
  await write(`\n${pausedHint(job) ?? nextStep(job)}\n`);
  return exitCodes.ok;
}

function facts(job: JobDetail): string[][] {
  const { counts } = job;
  const parts = (["succeeded", "running", "ready", "blocked", "failed", "canceled"] as const)
    .filter((state) => counts[state] > 0)
    .map((state) => `${counts[state].toLocaleString("en-US")} ${state === "ready" ? "waiting" : state}`);
  const left = job.endedAt === null ? secondsLeft(job) : null;
  const rows: [string, string | null][] = [
    ["frames", `${counted(job.taskCount, "frame")}: ${parts.join(", ")}`],
    ["range", job.parameters["Frames"]?.value ?? null],
    ["files", job.outputPattern],
    ["home", job.deliveredFiles > 0 ? counted(job.deliveredFiles, "file") : null],
    ["owner", job.owner],
    ["priority", job.priority === 50 ? null : String(job.priority)],
    ["Blender", job.settings.blenderSeries ?? null],
    ["submitted", moment(job.createdAt)],
    ["took", tookOf(job)],
    ["left", left === null || job.counts.running === 0 ? null : roughly(left)],
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
