// Writing to standard output without losing the end of it when a pipe is slow.
import { once } from "node:events";

/** Writes text to standard output and waits while the reader is behind. */
export async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, "drain");
}
