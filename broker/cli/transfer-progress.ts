// Says on standard error how far files are: one line that changes on a terminal, a line now and then in a pipe.
import type { Progress } from "../../container/agent/files/progress.ts";
import { counted, roughly, size } from "./humane.ts";
import { plain, terminalWidth } from "./style.ts";

/** Nothing is said of what takes less than this, ms. */
const quietMs = 500;
const terminalEveryMs = 100;
const pipeEveryMs = 5000;

export interface TransferProgress {
  /** Looking at files: reading and hashing them. */
  looking(progress: Progress): void;
  /** Moving their bytes; `verb` is said first, such as Uploading. */
  moving(
    verb: string,
    progress: Progress,
    rate: { bytesPerSecond: number; secondsLeft: number | null },
  ): void;
  /** Nothing comes through, and why: a line of its own, once for each reason. */
  waiting(why: string): void;
  /** Leaves the terminal as it was. */
  close(): void;
}

export interface TransferProgressOptions {
  /** Says nothing at all, as with --json. */
  silent?: boolean;
  isTerminal?: boolean;
  print?: (text: string) => void;
  /** ms that never jump. */
  now?: () => number;
  width?: () => number;
}

/** Makes the line. What is over in half a second is not told at all. */
export function createTransferProgress(options: TransferProgressOptions = {}): TransferProgress {
  const { now = () => performance.now(), width = terminalWidth } = options;
  const isTerminal = options.isTerminal ?? (process.stderr.isTTY === true && process.env["TERM"] !== "dumb");
  const print = options.print ?? ((text: string) => void process.stderr.write(text));
  const began = now();
  let told = -Infinity;
  let isShown = false;
  let reason: string | undefined;
  function tell(text: () => string): void {
    const at = now();
    if (options.silent === true || at - began < quietMs) return;
    if (at - told < (isTerminal ? terminalEveryMs : pipeEveryMs)) return;
    told = at;
    isShown = true;
    print(isTerminal ? `\r\u001b[2K${text().slice(0, Math.max(20, width() - 1))}` : `${text()}\n`);
  }
  function close(): void {
    if (isShown && isTerminal) print("\r\u001b[2K");
    isShown = false;
  }
  return {
    looking: (progress) => tell(() => lookingText(progress)),
    moving: (verb, progress, rate) => tell(() => movingText(verb, progress, rate)),
    waiting(why) {
      if (options.silent === true || why === reason) return;
      reason = why;
      close();
      print(`${plain(why).replace(/\.?$/, ".")} It is tried again for some minutes; Ctrl-C stops.\n`);
    },
    close,
  };
}

/** `Looking at 312 of 10,000 files, 1.2 of 4.0 GB …` */
export function lookingText({ doneFiles, totalFiles, doneBytes, totalBytes }: Progress): string {
  if (totalFiles === 0) return "Looking for files …";
  return `Looking at ${doneFiles.toLocaleString("en-US")} of ${counted(totalFiles, "file")}, ${amount(doneBytes, totalBytes)} …`;
}

/** `Uploading 312 of 10,000 files, 1.2 of 4.0 GB, 95 MB/s, 30 s left` */
export function movingText(
  verb: string,
  { doneFiles, totalFiles, doneBytes, totalBytes }: Progress,
  { bytesPerSecond, secondsLeft }: { bytesPerSecond: number; secondsLeft: number | null },
): string {
  const words = [
    `${verb} ${doneFiles.toLocaleString("en-US")} of ${counted(totalFiles, "file")}`,
    amount(doneBytes, totalBytes),
    bytesPerSecond >= 1 ? `${size(Math.round(bytesPerSecond))}/s` : "",
    secondsLeft === null || secondsLeft <= 0 ? "" : `${roughly(secondsLeft)} left`,
  ];
  return words.filter((word) => word !== "").join(", ");
}

/** `1.2 of 4.0 GB`; both units where they differ. What goes on the wire is a little more than the files. */
function amount(done: number, total: number): string {
  const [part, whole] = [size(Math.min(done, total)), size(total)];
  const [, unit = ""] = / (\S+)$/.exec(whole) ?? [];
  return `${part.endsWith(` ${unit}`) ? part.slice(0, -unit.length - 1) : part} of ${whole}`;
}
