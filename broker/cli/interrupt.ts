// Ctrl-C of commands that have something to end first: once stops what they do, twice ends the process at once.
import { exitCodes } from "./failure.ts";

export interface Interrupt {
  /** Aborted by the first Ctrl-C. */
  signal: AbortSignal;
  /** From here on Ctrl-C does what it does everywhere. */
  close(): void;
}

/** Listens to Ctrl-C until it is closed. */
export function onInterrupt(): Interrupt {
  const stopped = new AbortController();
  const onSignal = (): void => {
    // Whatever still hangs: nobody presses it twice to wait. An exit, and not the signal, so that a terminal gets its cursor back.
    if (stopped.signal.aborted) process.exit(exitCodes.interrupted);
    stopped.abort();
  };
  process.on("SIGINT", onSignal);
  return { signal: stopped.signal, close: () => void process.off("SIGINT", onSignal) };
}
