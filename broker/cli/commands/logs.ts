// tally logs: what the renderer of one try said.
import { setTimeout as pause } from "node:timers/promises";
import type { Client } from "../../contract/client.ts";
import type { Attempt } from "../../contract/attempt.ts";
import type { JobDetail, Task } from "../../contract/job.ts";
import { brokerHelp, brokerOptions, readArguments, readJob, readWhole, usage } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes, Failure } from "../failure.ts";
import { getJob, listAttempts, pages } from "../job-reads.ts";
import { createLogText } from "../log-text.ts";
import { asTypedHere, tally } from "../own-name.ts";
import { paint, paintState, plain } from "../style.ts";
import { write } from "../write.ts";

/** The help text of `tally logs`. */
export const logsHelp = `tally logs  [JOB]  [--frame N] [--try K] [--step NAME] [--follow]

Prints what the renderer said. Without a frame: the newest try that failed, else the newest one. Without a job number:
the latest job.

  --frame N              this frame
  --try K                its K-th try; default: the newest
  --step NAME            in this step
  -f, --follow           go on while it is being rendered
${brokerHelp}
On a terminal colours and whatever else would steer it are left out; in a pipe or a file it is as it was.
With --json: {job, step, frame, try, tries, state, worker, reason, text}.
`;

const pieceBytes = 1_048_576;
const lookEveryMs = 400;

/** Runs `tally logs`. */
export async function logs(args: string[]): Promise<number> {
  const { values, positionals } = readArguments(
    "logs",
    args,
    {
      ...brokerOptions,
      frame: { type: "string" },
      try: { type: "string" },
      step: { type: "string" },
      follow: { type: "boolean", short: "f" },
    },
    { most: 1, what: "one job number" },
  );
  const wanted = readJob("logs", positionals[0]);
  const frame =
    values.frame === undefined ? undefined : readWhole("logs", "--frame", values.frame, -1e15, 1e15);
  const tryNumber = values.try === undefined ? undefined : readWhole("logs", "--try", values.try, 1, 100_000);
  if (values.follow && values.json) throw usage("logs", "--follow and --json do not go together.");
  const client = await connect(values);
  const job = await getJob(client, wanted);
  const { attempt, number, of } = await chooseTry(client, job, frame, tryNumber, values.step);
  if (values.json) {
    const pieces: string[] = [];
    await readLog(client, attempt, (text) => void pieces.push(text));
    const { step, state, worker, reason } = attempt;
    const answer = {
      job: job.number,
      step,
      frame: attempt.frame,
      try: number,
      tries: of,
      state,
      worker,
      reason,
    };
    await write(`${JSON.stringify({ ...answer, text: pieces.join("") })}\n`);
    return exitCodes.ok;
  }
  console.error(paint("dim", heading(job, attempt, number, of)));
  const length = await printLog(client, attempt, values.follow ?? false);
  if (length === 0) console.error("The renderer has said nothing.");
  if (attempt.reason !== null)
    console.error(`${paintState(attempt.state)}: ${asTypedHere(plain(attempt.reason))}`);
  return exitCodes.ok;
}

interface ChosenTry {
  attempt: Attempt;
  number: number;
  of: number;
}

async function chooseTry(
  client: Client,
  job: JobDetail,
  frame: number | undefined,
  tryNumber: number | undefined,
  step: string | undefined,
): Promise<ChosenTry> {
  const about = frame === undefined ? undefined : await findTask(client, job, String(frame), step);
  const inStep = about?.step ?? step;
  const newest = await listAttempts(client, job.number, {
    limit: 1000,
    ...(inStep !== undefined && { step: inStep }),
    ...(about !== undefined && { ordinal: about.ordinal }),
  });
  const chosen =
    newest.find((one) => one.state === "failed") ?? newest.find((one) => one.startedAt !== null) ?? newest[0];
  if (chosen === undefined) {
    const what = frame === undefined ? `Job ${job.number}` : `Frame ${frame} of job ${job.number}`;
    throw new Failure(
      `${what} has not been tried yet, so there is nothing to read. Watch it: ${tally(`watch ${job.number}`)}`,
    );
  }
  // Newest first on the wire; a person counts tries from the first one.
  const tries = (
    about === undefined
      ? newest.filter((one) => one.step === chosen.step && one.ordinal === chosen.ordinal)
      : newest
  ).toReversed();
  const index =
    tryNumber !== undefined ? tryNumber - 1 : about === undefined ? tries.indexOf(chosen) : tries.length - 1;
  const attempt = tries[index];
  if (attempt === undefined) {
    const name = chosen.frame === null ? "This task" : `Frame ${chosen.frame}`;
    throw new Failure(
      `${name} has had ${tries.length === 1 ? "1 try" : `${tries.length} tries`}, so there is no try ${tryNumber}.`,
    );
  }
  return { attempt, number: index + 1, of: tries.length };
}

async function findTask(
  client: Client,
  job: JobDetail,
  frame: string,
  step: string | undefined,
): Promise<Task> {
  for await (const task of pages<Task>(client, `/v1/jobs/${job.number}/tasks`, { step }))
    if (task.frame === frame) return task;
  throw new Failure(`Job ${job.number} has no frame ${frame}. Its frames: ${tally(`show ${job.number}`)}`);
}

function heading(job: JobDetail, attempt: Attempt, number: number, of: number): string {
  const name = attempt.frame === null ? plain(attempt.step) : `frame ${plain(attempt.frame)}`;
  const tries = of === 1 ? "" : `, try ${number} of ${of}`;
  return `Job ${job.number}, ${name}${tries}, on ${plain(attempt.worker)}`;
}

/** Prints the try's text; on a terminal what it can do no harm with. Returns how many bytes it was. */
async function printLog(client: Client, attempt: Attempt, follow: boolean): Promise<number> {
  if (process.stdout.isTTY !== true) return readLog(client, attempt, write, follow);
  const text = createLogText();
  const length = await readLog(client, attempt, (piece) => write(text.add(piece)), follow);
  await write(text.rest());
  return length;
}

/** Reads the try's text from the start; with `follow` until the try is over. Returns how many bytes it was. */
async function readLog(
  client: Client,
  attempt: Attempt,
  print: (text: string) => Promise<void> | void,
  follow = false,
): Promise<number> {
  const decoder = new TextDecoder();
  let from = 0;
  // oxlint-disable no-await-in-loop -- a log is read piece by piece, in order
  for (;;) {
    // Asked before reading: what is written until the try closes is then read after it.
    const over = !follow || (await isOver(client, attempt));
    for (;;) {
      const query = { from, limit: pieceBytes };
      const bytes = await (await client.raw("get", `/v1/attempts/${attempt.id}/log`, { query })).bytes();
      if (bytes.length === 0) break;
      from += bytes.length;
      await print(decoder.decode(bytes, { stream: true }));
    }
    if (over) return from;
    await pause(lookEveryMs);
  }
  // oxlint-enable no-await-in-loop
}

async function isOver(client: Client, { id, jobNumber, step, ordinal }: Attempt): Promise<boolean> {
  const tries = await listAttempts(client, jobNumber, { step, ordinal, limit: 100 });
  return tries.find((one) => one.id === id)?.endedAt !== null;
}
