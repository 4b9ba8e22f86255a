// What watching prints into a pipe: a line for each frame, or each event as JSON.
import type { JobDetail } from "../contract/job.ts";
import type { Asking } from "./asking.ts";
import type { Listener } from "./follow.ts";
import { counted } from "./humane.ts";
import type { Gap } from "./job-feed.ts";
import { failedLines, finishedLine, pausedHint, stillInWork } from "./job-words.ts";
import { getJob } from "./job-reads.ts";
import { tally } from "./own-name.ts";
import { forTerminal, plain, terminalWidth } from "./style.ts";
import { write } from "./write.ts";

export interface ClosingListener extends Listener {
  /** Nothing more is told: leaves the terminal as it should be. */
  close(): void;
}

/** A job that waits so long without a worker gets a hint, ms. */
const lonelyMs = 20_000;

/** A line for each frame, and for whatever else a person should know. `opening`: begins with how far the job is. */
export function createLineListener(
  broker: Asking,
  opening: boolean,
  print = (text: string) => write(`${forTerminal(text)}\n`),
): ClosingListener {
  let job: JobDetail | undefined;
  const remark = createRemarks(broker, (text) => void print(text));
  return {
    job(now) {
      // Said once what comes next is listened to, so that nothing falls between this line and the next.
      if (job === undefined && opening && now.endedAt === null)
        void print(
          `Job ${now.number}: ${plain(now.name)}, ${now.counts.succeeded} of ${counted(now.taskCount, "frame")} done`,
        );
      job = now;
      remark.about(now);
    },
    async finished(done) {
      if (job !== undefined) await print(finishedLine(job, done, terminalWidth()));
    },
    async failed(failed) {
      if (job !== undefined) await print(failedLines(job, failed));
    },
    away: (url, why) => void print(awayText(url, why)),
    back: () => void print(backText),
    gap: (gap, lost) => void print(gapText(gap, lost)),
    close: () => remark.close(),
  };
}

export const backText = "The broker is back.";

/** Why nothing is heard from the broker. */
export function awayText(url: string, why = `The broker at ${url} does not answer; waiting for it.`): string {
  return `${plain(why)} Ctrl-C stops waiting.`;
}

/** Why what happened meanwhile was told late, and what became of frames that were done. */
export function gapText({ reason }: Pick<Gap, "reason">, lost: number): string {
  if (reason === "pruned")
    return "You were cut off for so long that the broker has forgotten some of what happened meanwhile; the above is how it ended.";
  const frames =
    lost === 0
      ? ""
      : ` ${counted(lost, "frame")} that had been done ${lost === 1 ? "is" : "are"} to be rendered again.`;
  return `The broker goes on from an older database, as after a restore.${frames}`;
}

/** Each event as one JSON object a line. */
export function createJsonListener(): ClosingListener {
  const print = (value: unknown) => write(`${JSON.stringify(value)}\n`);
  const nothing = () => {};
  return {
    job: nothing,
    finished: nothing,
    failed: nothing,
    away: (url, detail) => void print({ kind: "broker.away", url, ...(detail !== undefined && { detail }) }),
    back: () => void print({ kind: "broker.back" }),
    gap: ({ reason, detail }, _, job) => print({ kind: "reset", reason, detail, job }),
    event: print,
    close: nothing,
  };
}

const isPausedState = (state: string | undefined) => state === "paused" || state === "pausing";

/** Says what keeps a job from running: it is paused, or no worker takes it. */
export function createRemarks(broker: Asking, say: (text: string) => void) {
  let state: string | undefined;
  let timer: NodeJS.Timeout | undefined;

  async function hint(before: JobDetail): Promise<void> {
    // Workers may have been paused, or gone on, since it began to wait.
    const job = await broker.ask((client) => getJob(client, String(before.number))).catch(() => before);
    if (state !== "queued") return;
    say(
      pausedHint(job) ??
        `Job ${job.number} still waits: other jobs go first, or no worker here can render it. Look: ${tally("workers")}`,
    );
  }

  return {
    about(job: JobDetail) {
      if (job.state === state) return;
      clearTimeout(timer);
      // That the last frame in work is done is no second pause.
      const wasPaused = isPausedState(state);
      if (isPausedState(job.state) && !wasPaused) {
        say(`Job ${job.number} is paused${stillInWork(job)}. Go on: ${tally(`resume ${job.number}`)}`);
      } else if (wasPaused && !isPausedState(job.state)) say(`Job ${job.number} goes on.`);
      if (job.state === "canceling") say(`Job ${job.number} is stopping.`);
      if (job.state === "queued") {
        timer = setTimeout(() => void hint(job), lonelyMs).unref();
      }
      state = job.state;
    },
    close: () => clearTimeout(timer),
  };
}
