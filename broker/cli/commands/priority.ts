// tally priority: lets a job go before others, or after them.
import type { Answer } from "../../contract/client.ts";
import { brokerHelp, brokerOptions, readArguments, readJob, readWhole, usage } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes } from "../failure.ts";
import { write } from "../write.ts";

/** The help text of `tally priority`. */
export const priorityHelp = `tally priority  [JOB] N

Sets a job's priority: 0 to 100, higher goes first, 50 is usual. It counts from the next frame on. Without a job
number: the latest job.

${brokerHelp}`;

/** Runs `tally priority`. */
export async function priority(args: string[]): Promise<number> {
  const what = "a job number and a priority";
  const { values, positionals } = readArguments("priority", args, brokerOptions, { most: 2, what });
  const [first, second] = positionals;
  if (first === undefined) throw usage("priority", "Which priority? Give a number from 0 to 100.");
  const job = readJob("priority", second === undefined ? undefined : first);
  const wanted = readWhole("priority", "The priority", second ?? first, 0, 100);
  const client = await connect(values);
  const changed = await client.call<Answer<"setJobPriority">>("put", `/v1/jobs/${job}/priority`, {
    body: { priority: wanted },
  });
  const said = `Job ${changed.number} has priority ${changed.priority} now.`;
  await write(values.json ? `${JSON.stringify(changed)}\n` : `${said}\n`);
  return exitCodes.ok;
}
