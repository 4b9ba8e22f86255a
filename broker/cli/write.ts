// Writing to standard output without losing the end of it when a pipe is slow, or a word when it is closed.
import { once } from "node:events";
import { getSystemErrorMessage } from "node:util";
import { exitCodes } from "./failure.ts";
import { spelt } from "./style.ts";

let watched = false;

/** From here on standard output may fail: a reader that left ends the command quietly, anything else with a sentence. */
export function watchOutput(): void {
  if (watched) return;
  watched = true;
  process.stdout.on("error", ({ code, errno, message }: NodeJS.ErrnoException) => {
    if (code === "EPIPE") process.exit();
    const why = errno === undefined ? message : getSystemErrorMessage(errno);
    console.error(`What this command says could not be written: ${why}.`);
    process.exit(exitCodes.failed);
  });
}

/** Writes text to standard output and waits while the reader is behind. Where it cannot be written the command ends. */
export async function write(text: string): Promise<void> {
  watchOutput();
  // Our own words have none of these characters, and others' were made plain: what is left is JSON.
  const shown = process.stdout.isTTY === true ? spelt(text) : text;
  if (!process.stdout.write(shown)) await once(process.stdout, "drain");
}
