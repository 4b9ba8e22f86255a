// tally cancel, pause and resume: one wish each about a job.
import type { Answer } from "../../contract/client.ts";
import type { Job } from "../../contract/job.ts";
import { brokerHelp, brokerOptions, readArguments, readJob } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes } from "../failure.ts";
import { counted } from "../humane.ts";
import { stillInWork } from "../job-words.ts";
import { tally } from "../own-name.ts";
import { write } from "../write.ts";

const help = (name: string, what: string) => `tally ${name}  [JOB]

${what}
Without a number: the latest job.

${brokerHelp}`;

/** The help text of `tally cancel`. */
export const cancelHelp = help(
  "cancel",
  "Stops a job: frames being rendered are stopped within a second, the others never start. Finished frames stay.",
);
/** The help text of `tally pause`. */
export const pauseHelp = help(
  "pause",
  "Pauses a job: frames being rendered are finished, no others start until `tally resume`.",
);
/** The help text of `tally resume`. */
export const resumeHelp = help("resume", "Goes on with a paused job.");

/** Runs `tally cancel`. */
export function cancel(args: string[]): Promise<number> {
  return setIntent("cancel", "cancel", args, (job) => {
    const done = job.counts.succeeded;
    const kept = done > 0 ? ` ${counted(done, "finished frame")} ${done === 1 ? "stays" : "stay"}.` : "";
    const what = job.state === "canceled" ? "is canceled" : "is stopping";
    return `Job ${job.number} ${what}.${kept} Change your mind: ${tally(`requeue ${job.number}`)}`;
  });
}

/** Runs `tally pause`. */
export function pause(args: string[]): Promise<number> {
  return setIntent(
    "pause",
    "pause",
    args,
    (job) => `Job ${job.number} is paused${stillInWork(job)}. Go on: ${tally(`resume ${job.number}`)}`,
  );
}

/** Runs `tally resume`. */
export function resume(args: string[]): Promise<number> {
  return setIntent(
    "resume",
    "run",
    args,
    (job) => `Job ${job.number} goes on. Watch it: ${tally(`watch ${job.number}`)}`,
  );
}

async function setIntent(
  command: string,
  intent: "run" | "pause" | "cancel",
  args: string[],
  say: (job: Job) => string,
): Promise<number> {
  const { values, positionals } = readArguments(command, args, brokerOptions, {
    most: 1,
    what: "one job number",
  });
  const job = readJob(command, positionals[0]);
  const client = await connect(values);
  const changed = await client.call<Answer<"setJobIntent">>("put", `/v1/jobs/${job}/intent`, {
    body: { intent },
  });
  await write(values.json ? `${JSON.stringify(changed)}\n` : `${say(changed)}\n`);
  return exitCodes.ok;
}
