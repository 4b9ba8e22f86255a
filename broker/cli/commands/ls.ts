// tally ls: jobs, newest first.
import type { Answer } from "../../contract/client.ts";
import type { Job } from "../../contract/job.ts";
import { jobStates } from "../../contract/states.ts";
import { brokerHelp, brokerOptions, readArguments, readChoice, readWhole } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes } from "../failure.ts";
import { moment } from "../humane.ts";
import { tally } from "../own-name.ts";
import { paint, paintState, table } from "../style.ts";
import { write } from "../write.ts";

/** The help text of `tally ls`. */
export const lsHelp = `tally ls  [--state STATE] [--owner NAME] [--limit N]

Lists jobs, newest first.

  --state STATE          only jobs in this state: queued, running, paused, failed, succeeded, canceled …
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
  const state = values.state === undefined ? undefined : readChoice("ls", "--state", values.state, jobStates);
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
  await write(table([head, ...items.map(row)], [0, 2]));
  if (next !== null)
    await write(paint("dim", `Older ones: ${tally(`ls --limit ${Math.min(1000, limit * 5)}`)}\n`));
  return exitCodes.ok;
}

function row(job: Job): string[] {
  const { succeeded, failed } = job.counts;
  const done = `${succeeded}/${job.taskCount}`;
  const frames = failed > 0 ? `${paint("red", `${failed} failed`)} ${done}` : done;
  return [String(job.number), paintState(job.state), frames, job.name, job.owner, moment(job.createdAt)];
}
