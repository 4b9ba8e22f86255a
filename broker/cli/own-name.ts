// How to call Tally again: the commands that it tells people to type must work as they stand.

/** A command to type: `tally logs 12`, or `npx tally logs 12` where npm started this one. */
export function tally(command: string, env: NodeJS.ProcessEnv = process.env): string {
  return `${begins(env)} ${command}`;
}

function begins(env: NodeJS.ProcessEnv): string {
  const throughNpm = env["npm_command"] === "exec" || env["npm_lifecycle_event"] !== undefined;
  return throughNpm ? "npx tally" : "tally";
}

/** Commands that a broker or a worker tells people to type. It does not know how Tally is called where they are. */
export const toldCommands = [
  "blender",
  "cancel",
  "clean",
  "doctor",
  "logs",
  "ls",
  "page",
  "pull",
  "requeue",
  "resume",
  "serve",
  "show",
  "submit",
  "token",
  "watch",
  "workers",
] as const;

/** Not a part of a file's name, nor what is right already. */
const told = new RegExp(`(?<![\\w./\\\\-]|npx )tally (?=(?:${toldCommands.join("|")})\\b)`, "g");

/** A sentence of the broker or a worker, with its commands as they are to be typed here. */
export function asTypedHere(sentence: string, env: NodeJS.ProcessEnv = process.env): string {
  return sentence.replace(told, `${begins(env)} `);
}
