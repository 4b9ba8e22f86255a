// Wrong options on the command line, told in one sentence with the command to type next.
import { tally } from "./own-name.ts";

/** What to say when `parseArgs` refused the options of a command. */
export function usageMistake(command: string, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const option = /'(-[^' ]*)/.exec(message)?.[1] ?? "";
  const what = message.startsWith("Unknown option")
    ? `tally ${command} has no option ${option}.`
    : `The option ${option} of tally ${command} is not given as it should be.`;
  return `${what} Type: ${tally(`${command} --help`)}`;
}
