// tally priority: lets a job go before others, or after them.
import type { Answer } from "../../contract/client.ts";
import { brokerHelp, brokerOptions, readArguments, readJob, readWhole, usage } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes } from "../failure.ts";
import { tally } from "../own-name.ts";
import { write } from "../write.ts";

/** The help text of `tally priority`. */
export const priorityHelp = `tally priority  JOB N

Sets a job's priority: 0 to 100, higher goes first, 50 is usual. It counts from the next frame on. JOB is a
number, or latest.

${brokerHelp}`;

/** Runs `tally priority`. */
export async function priority(args: string[]): Promise<number> {
  const what = "a job number and a priority";
  const { values, positionals } = readArguments("priority", args, brokerOptions, { most: 2, what });
  const [first, second] = positionals;
  // One number alone could be either, and taken for the other it would move a job that nobody meant.
  if (first === undefined || second === undefined)
    throw usage("priority", `Give the job and its priority, 0 to 100: ${tally("priority latest 80")}.`);
  const job = readJob("priority", first);
  const wanted = readWhole("priority", "The priority", second, 0, 100);
  const client = await connect(values);
  const changed = await client.call<Answer<"setJobPriority">>("put", `/v1/jobs/${job}/priority`, {
    body: { priority: wanted },
  });
  const said = `Job ${changed.number} has priority ${changed.priority} now.`;
  await write(values.json ? `${JSON.stringify(changed)}\n` : `${said}\n`);
  return exitCodes.ok;
}
