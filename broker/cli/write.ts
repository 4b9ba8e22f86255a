// Writing to standard output without losing the end of it when a pipe is slow, or a word when it is closed.
import { once } from "node:events";

let watched = false;

/** Writes text to standard output and waits while the reader is behind. A reader that left ends the command quietly. */
export async function write(text: string): Promise<void> {
  if (!watched) {
    watched = true;
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EPIPE") process.exit();
      throw error;
    });
  }
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}
