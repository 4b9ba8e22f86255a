// How to call Tally again: the commands that it tells people to type must work as they stand.

/** A command to type: `tally logs 12`, or `npx tally logs 12` where npm started this one. */
export function tally(command: string, env: NodeJS.ProcessEnv = process.env): string {
  const throughNpm = env["npm_command"] === "exec" || env["npm_lifecycle_event"] !== undefined;
  return `${throughNpm ? "npx " : ""}tally ${command}`;
}
