// Says in plain sentences how a command ended.
import { basename } from "node:path";
import type { ActionEnd } from "./action.ts";

const SIGNALS: Record<string, string> = {
  SIGKILL: "it was killed, by somebody or because the machine ran out of memory",
  SIGSEGV: "it crashed",
  SIGABRT: "it crashed",
  SIGBUS: "it crashed",
  SIGILL: "it crashed: this processor lacks an instruction that it needs",
  SIGFPE: "it crashed",
  SIGTERM: "somebody asked it to end",
  SIGINT: "somebody interrupted it",
  SIGXFSZ: "a file became larger than this machine allows",
};

export interface EndStory {
  /** What the person calls it: the command as the template names it. */
  command: string;
  end: ActionEnd;
  /** `openjd_fail` text, and what the session itself found wrong. */
  failText?: string;
  complaint?: string;
  lastLine?: string;
}

/** One sentence or two on why an action did not succeed. */
export function failureSentence(story: EndStory): string {
  const { end, failText, complaint, lastLine } = story;
  const name = `"${shortName(story.command)}"`;
  if (end.startError !== undefined) return end.startError;
  if (complaint !== undefined) return complaint;
  if (end.stopped === "timeout") {
    return `${name} did not finish within ${plural(end.limitSeconds ?? 0)} and was stopped. Raise its time limit, or read its log to see why it hangs.`;
  }
  if (end.stopped === "canceled") return `${name} was stopped.`;
  if (failText !== undefined) return failText;
  const what =
    end.signal === null
      ? `${name} ended with exit code ${end.exitCode}.`
      : `${name} was ended by ${end.signal}: ${SIGNALS[end.signal] ?? "a signal from outside"}.`;
  return lastLine === undefined ? what : `${what} Its last words: ${lastLine}`;
}

/** Why a command could not start, from the words of the system. */
export function startSentence(command: string, message: string): string {
  const name = `"${shortName(command)}"`;
  if (message.includes("ENOENT")) return notFoundSentence(command);
  if (message.includes("EACCES")) {
    return `${name} is not executable. If it is an embedded file, add "runnable: true" to it in the template.`;
  }
  if (message.includes("E2BIG"))
    return `The arguments of ${name} are longer than this system allows. Put them in an embedded file.`;
  if (message.includes("ENOEXEC"))
    return `${name} is no program that this system can run. Check its first line and its kind.`;
  return `${name} could not be started (${message}).`;
}

export function notFoundSentence(command: string): string {
  return `The command "${shortName(command)}" was not found on this worker. Install it there, or give its full path in the template.`;
}

function plural(seconds: number): string {
  return seconds === 1 ? "1 second" : `${seconds} seconds`;
}

function shortName(command: string): string {
  return command.length <= 60 ? command : `…/${basename(command).slice(0, 60)}`;
}
