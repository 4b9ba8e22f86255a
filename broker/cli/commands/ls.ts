// tally ls: jobs, newest first.
import type { Answer } from "../../contract/client.ts";
import type { Job } from "../../contract/job.ts";
import { stateWords } from "../../contract/state-words.ts";
import { jobStates, type JobState } from "../../contract/states.ts";
import { brokerHelp, brokerOptions, readArguments, readChoice, readWhole } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes } from "../failure.ts";
import { moment } from "../humane.ts";
import { tally } from "../own-name.ts";
import { paint, paintState, plain, table } from "../style.ts";
import { write } from "../write.ts";

/** The help text of `tally ls`. */
export const lsHelp = `tally ls  [--state STATE] [--owner NAME] [--limit N]

Lists jobs, newest first.

  --state STATE          only jobs in this state: waiting, running, paused, failed, done, canceled …
  --owner NAME           only this person's jobs
  --limit N              how many; default: 20
${brokerHelp}`;

/** Runs `tally ls`. */
export async function ls(args: string[]): Promise<number> {
  const { values } = readArguments("ls", args, {
    ...brokerOptions,
    state: { type: "string" },
    owner: { type: "string" },
    limit: { type: "string" },
  });
  const state = values.state === undefined ? undefined : readState(values.state);
  const limit = values.limit === undefined ? 20 : readWhole("ls", "--limit", values.limit, 1, 1000);
  const client = await connect(values);
  const { items, next } = await client.call<Answer<"listJobs">>("get", "/v1/jobs", {
    query: { state, owner: values.owner, limit },
  });
  if (values.json) {
    await write(`${JSON.stringify({ jobs: items })}\n`);
    return exitCodes.ok;
  }
  if (items.length === 0) {
    const none = state === undefined && values.owner === undefined;
    await write(none ? `No jobs yet. Submit one: ${tally("submit shot.blend")}\n` : "No such jobs.\n");
    return exitCodes.ok;
  }
  const head = ["job", "state", "frames", "name", "owner", "submitted"].map((word) => paint("dim", word));
  await write(table([head, ...plain(items).map(row)], [0, 2]));
  if (next !== null)
    await write(paint("dim", `Older ones: ${tally(`ls --limit ${Math.min(1000, limit * 5)}`)}\n`));
  return exitCodes.ok;
}

/** A state as it is shown, or as the API names it. Throws a Failure of usage. */
function readState(text: string): JobState {
  const words = jobStates.map((state) => stateWords[state]);
  const named = jobStates.find((state) => state === text.toLowerCase());
  return named ?? (jobStates[words.indexOf(readChoice("ls", "--state", text, words))] as JobState);
}

function row(job: Job): string[] {
  const { succeeded, failed } = job.counts;
  const done = `${succeeded}/${job.taskCount}`;
  const frames = failed > 0 ? `${paint("red", `${failed} failed`)} ${done}` : done;
  return [String(job.number), paintState(job.state), frames, job.name, job.owner, moment(job.createdAt)];
}
