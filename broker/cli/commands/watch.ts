// tally watch: follows a job until it ends. Ctrl-C stops only the watching.
import type { Artifact } from "../../contract/attempt.ts";
import type { Client } from "../../contract/client.ts";
import type { Asking } from "../asking.ts";
import { brokerHelp, brokerOptions, readArguments, readJob } from "../arguments.ts";
import { connect, findBroker, type BrokerOptions } from "../connect.ts";
import { exitCodes, type ExitCode } from "../failure.ts";
import { followJob, type Ending } from "../follow.ts";
import { onInterrupt } from "../interrupt.ts";
import { getJob } from "../job-reads.ts";
import { endingText } from "../job-words.ts";
import { tally } from "../own-name.ts";
import { forTerminal } from "../style.ts";
import { createGridListener } from "../watch-grid.ts";
import { createJsonListener, createLineListener, type ClosingListener } from "../watch-lines.ts";
import { write } from "../write.ts";

/** The help text of `tally watch`. */
export const watchHelp = `tally watch  [JOB]  [--lines]

Follows a job until it ends: a light for each frame on a terminal, a line for each frame in a pipe. Without a number: the
latest job. Ctrl-C stops only the watching, the job goes on. A broker that restarts is waited for.

  ■ done   ► running   X failed   · waiting   ◦ waits for another step   – canceled
  Of frames that a worker took together only those that it has begun are running; its row below says how many come after.
  Where there are more frames than room a light stands for some of them: X as soon as one of them failed, ► as soon as one
  runs, & for both, ▒ and ▓ for those of which some and most are done. Failures are said above the lights.

  --lines                a line for each frame on a terminal too
${brokerHelp}
Ends with 0 when every frame succeeded and is home, 1 when not. Where the broker is on another machine, the files wait for
\`tally pull\`, and it ends when all are rendered. With --json: each event, {kind: broker.away} and {kind: broker.back},
{kind: reset, job} where events before it are missing, and last {kind: end, job}.
`;

/** Runs `tally watch`. */
export async function watch(args: string[]): Promise<number> {
  const { values, positionals } = readArguments(
    "watch",
    args,
    { ...brokerOptions, lines: { type: "boolean" } },
    { most: 1, what: "one job number" },
  );
  const job = readJob("watch", positionals[0]);
  const client = await connect(values);
  const { number } = await getJob(client, job);
  const { code } = await watchJob({ ...values, number, find: () => findBroker(values) });
  return code;
}

export interface WatchOptions extends BrokerOptions {
  number: number;
  find: () => Client;
  json?: boolean | undefined;
  /** A line for each frame, also on a terminal. */
  lines?: boolean | undefined;
  /** Events after this cursor are told; default: from now on. */
  after?: number | undefined;
  /** Brings the files home meanwhile; resolves to those that it could not bring. */
  bring?: ((signal: AbortSignal) => Promise<Artifact[]>) | undefined;
  /** Said at the end; default: how the job ended. */
  ending?: (ending: Ending) => string;
}

/** Follows a job and prints what happens. Resolves to the exit code and, unless Ctrl-C came first, how the job ended. */
export async function watchJob(options: WatchOptions): Promise<{ code: ExitCode; ending?: Ending }> {
  const { number, find, json } = options;
  const stopped = onInterrupt();
  const onTerminal = process.stdout.isTTY === true && process.env["TERM"] !== "dumb";
  const withGrid = onTerminal && !options.lines && !json;
  let listener: ClosingListener | undefined;
  const listen = (broker: Asking): ClosingListener =>
    (listener = json
      ? createJsonListener()
      : withGrid
        ? createGridListener(broker)
        : createLineListener(broker, options.after === undefined));
  try {
    const ending = await followJob({
      find,
      number,
      listen,
      signal: stopped.signal,
      bring: options.bring,
      ...(options.after !== undefined && { after: options.after }),
    });
    listener?.close();
    const { job, notHome, toPull } = ending;
    if (json) await write(`${JSON.stringify({ kind: "end", job, notHome, toPull })}\n`);
    else await write(forTerminal((options.ending ?? endingText)(ending)));
    return {
      code: job.state === "succeeded" && notHome.length === 0 ? exitCodes.ok : exitCodes.failed,
      ending,
    };
  } catch (error) {
    listener?.close();
    if (!stopped.signal.aborted) throw error;
    if (!json)
      await write(
        // Behind what the terminal shows of the keys.
        `${withGrid ? "" : "\n"}Stopped watching; job ${number} goes on. Come back to it: ${tally(`watch ${number}`)}\n`,
      );
    return { code: exitCodes.interrupted };
  } finally {
    stopped.close();
  }
}
