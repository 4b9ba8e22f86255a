// What watching shows on a terminal: one bar that grows, failures above it.
import type { Client } from "../contract/client.ts";
import type { JobDetail } from "../contract/job.ts";
import { counted, roughly, shortPath } from "./humane.ts";
import { failedLines, secondsLeft } from "./job-words.ts";
import { paint, terminalWidth } from "./style.ts";
import { awayText, createPlaces, createRemarks, type ClosingListener } from "./watch-lines.ts";

const barWidth = 28;
const eraseLine = "\r\u001b[2K";

/** A progress bar in the last line; what went wrong scrolls away above it. */
export function createBarListener(
  client: Client,
  print = (text: string) => void process.stdout.write(text),
): ClosingListener {
  const whereIs = createPlaces(client);
  let bar = "";
  let newest: string | null = null;
  let job: JobDetail | undefined;
  const above = (text: string) => print(`${eraseLine}${text}\n${bar}`);
  const remark = createRemarks(above);
  function draw(): void {
    if (job === undefined) return;
    bar = barLine(job, newest, terminalWidth() - 1);
    print(eraseLine + bar);
  }
  return {
    job(now) {
      job = now;
      draw();
      remark.about(now);
    },
    finished(done) {
      newest = done.file;
      draw();
    },
    async failed(failed) {
      if (job !== undefined) above(failedLines(job, failed, await whereIs(failed.worker)));
    },
    away: (url, why) => above(awayText(url, why)),
    back: () => above("The broker is back."),
    close() {
      remark.close();
      print(eraseLine);
    },
  };
}

/** The bar of a job as one line of at most `width` characters: done, counts, time left, and the newest file if there is room. */
export function barLine(job: JobDetail, newest: string | null, width: number): string {
  const { counts, taskCount } = job;
  const share = taskCount === 0 ? 1 : counts.succeeded / taskCount;
  const full = Math.floor(share * barWidth);
  const left = job.endedAt === null ? secondsLeft(job) : null;
  const words = [
    `${counts.succeeded}/${counted(taskCount, "frame")}`,
    counts.running > 0 ? `${counts.running} running` : job.state === "running" ? "" : job.state,
    counts.failed > 0 ? `${counts.failed} failed` : "",
    left === null || counts.running === 0 ? "" : `${roughly(left)} left`,
  ].filter((word) => word !== "");
  const text = words.join(", ");
  const room = width - barWidth - text.length - 4;
  const file = newest === null || room < 24 ? "" : `  ${paint("dim", shortPath(newest, room))}`;
  const graph = paint("green", "━".repeat(full)) + paint("dim", "─".repeat(barWidth - full));
  return `${graph}  ${text.slice(0, Math.max(0, width - barWidth - 2))}${file}`;
}
