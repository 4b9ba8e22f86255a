// Writing to standard output without losing the end of it when a pipe is slow, or a word when it is closed.
import { once } from "node:events";
import { spelt } from "./style.ts";

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
  // Our own words have none of these characters, and others' were made plain: what is left is JSON.
  const shown = process.stdout.isTTY === true ? spelt(text) : text;
  if (!process.stdout.write(shown)) await once(process.stdout, "drain");
}
