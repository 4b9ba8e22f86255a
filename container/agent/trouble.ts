// Tells whose fault a failure is: the job's, which no other worker can do better, or this worker's.
import type { FailureClass } from "../../broker/contract/states.ts";
import { isPassing } from "./backoff.ts";

/** The exit code of a command whose input file is not there (EX_NOINPUT of sysexits.h). */
export const NO_INPUT = 66;

/** Something about the job itself: trying again on another worker is of no use. */
export class JobTroubleError extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = "JobTroubleError";
  }
}

const diskCodes = ["ENOSPC", "EDQUOT", "EIO", "EROFS"];

/** Whether this machine's disk is what went wrong: full, broken, or not to be written to. */
export function isDiskTrouble(error: unknown): boolean {
  for (let it = error; it instanceof Error; it = it.cause) {
    if (diskCodes.includes(String((it as NodeJS.ErrnoException).code))) return true;
  }
  return false;
}

/** The class of a failure; `otherwise` where the error itself does not say. */
export function classOf(error: unknown, otherwise: FailureClass): FailureClass {
  if (error instanceof JobTroubleError) return "config";
  for (let it = error; it instanceof Error; it = it.cause) if (isPassing(it)) return "host";
  return isDiskTrouble(error) ? "host" : otherwise;
}
