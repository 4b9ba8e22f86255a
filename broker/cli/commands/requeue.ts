// tally requeue: renders frames again.
import type { Answer } from "../../contract/client.ts";
import { brokerHelp, brokerOptions, readArguments, readJob, usage } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes, Failure } from "../failure.ts";
import { formatFrames, FramesMistake, parseFrames, type Frames } from "../frames.ts";
import { counted } from "../humane.ts";
import { getJob } from "../job-reads.ts";
import { tally } from "../own-name.ts";
import { write } from "../write.ts";

/** The help text of `tally requeue`. */
export const requeueHelp = `tally requeue  [JOB]  [--failed | --frames LIST | --all] [--step NAME]

Renders frames of a job again. Their files stay until the new ones are there. Without a job number: the latest job.

  --failed               the frames that failed or were canceled; also when nothing else is said
  --frames LIST          these frames: 1-10,15
  --all                  every frame, finished ones too
  --step NAME            only frames of this step
${brokerHelp}`;

/** Runs `tally requeue`. */
export async function requeue(args: string[]): Promise<number> {
  const { values, positionals } = readArguments(
    "requeue",
    args,
    {
      ...brokerOptions,
      failed: { type: "boolean" },
      frames: { type: "string" },
      all: { type: "boolean" },
      step: { type: "string" },
    },
    { most: 1, what: "one job number" },
  );
  const job = readJob("requeue", positionals[0]);
  if (values.all && (values.failed || values.frames !== undefined))
    throw usage("requeue", "--all means every frame: leave out --failed and --frames, or leave out --all.");
  const frames = values.frames === undefined ? undefined : readFrames(values.frames);
  const failedOnly =
    values.failed === true || (!values.all && frames === undefined && values.step === undefined);
  const client = await connect(values);
  // The number first: `latest` must mean one and the same job in both calls.
  const { number } = await getJob(client, job);
  const { requeued } = await client.call<Answer<"requeueTasks">>("post", `/v1/jobs/${number}/requeue`, {
    body: {
      failedOnly,
      ...(frames !== undefined && { frames: formatFrames(frames) }),
      ...(values.step !== undefined && { step: values.step }),
    },
  });
  if (values.json) {
    await write(`${JSON.stringify({ job: number, requeued })}\n`);
    return exitCodes.ok;
  }
  await write(
    requeued === 0
      ? `Job ${number} has no frames to render again: they all wait or are being rendered.\n`
      : `Job ${number} renders ${counted(requeued, "frame")} again. Watch it: ${tally(`watch ${number}`)}\n`,
  );
  return exitCodes.ok;
}

function readFrames(text: string): Frames {
  try {
    return parseFrames(text);
  } catch (error) {
    if (error instanceof FramesMistake) throw new Failure(error.message, exitCodes.usage);
    throw error;
  }
}
