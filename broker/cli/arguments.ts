// Reads what was typed after a command: options, job numbers, help; and says in a sentence what was meant instead.
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";
import { exitCodes, Failure } from "./failure.ts";
import { nearest } from "../contract/nearest.ts";
import { tally } from "./own-name.ts";

/** Options of every command that talks to a broker. */
export const brokerOptions = {
  broker: { type: "string" },
  token: { type: "string" },
  data: { type: "string" },
  json: { type: "boolean" },
} as const satisfies ParseArgsOptionsConfig;

/** The lines of help for them. */
export const brokerHelp = `  --broker URL           the broker to talk to; default: TALLY_URL, else the one on this machine
  --token TEXT           the token for it; default: TALLY_TOKEN, which does not stand in the list of processes
  --data DIR             the data folder that says which broker runs on this machine; default: TALLY_DATA
  --json                 answer in JSON
`;

/** Wrong use: exit code 2, and how to read the help. */
export function usage(command: string, sentence: string): Failure {
  return new Failure(`${sentence} Type: ${tally(`${command} --help`)}`, exitCodes.usage);
}

/**
 * Reads options and positionals of one command. `positionals`: how many at most, and what to call them.
 * Throws a Failure of usage that names the mistake and the nearest option.
 */
export function readArguments<const T extends ParseArgsOptionsConfig>(
  command: string,
  args: readonly string[],
  options: T,
  positionals: { most: number; what: string } = { most: 0, what: "" },
) {
  let read;
  try {
    read = parseArgs({ args: joinNegatives(args, options), options, allowPositionals: true, strict: true });
  } catch (error) {
    throw optionMistake(command, options, error);
  }
  const extra = read.positionals[positionals.most];
  if (extra !== undefined) {
    const takes = positionals.most === 0 ? "only options" : positionals.what;
    throw usage(command, `tally ${command} takes ${takes}, so "${extra}" is one too many.`);
  }
  return read;
}

/** The job that a positional names: its number, `latest` when there is none. `#12` is fine too. */
export function readJob(command: string, text: string | undefined): string {
  const job = (text ?? "latest").replace(/^#/, "");
  if (/^(\d{1,15}|latest|job_\d+)$/.test(job)) return job;
  throw usage(command, `"${job}" is no job number. \`${tally("ls")}\` lists the jobs.`);
}

/** A whole number between two ends. Throws a Failure of usage. */
export function readWhole(
  command: string,
  option: string,
  text: string,
  least: number,
  most: number,
): number {
  const value = Number(text);
  if (/^-?\d+$/.test(text) && value >= least && value <= most) return value;
  throw usage(command, `${option} must be a whole number from ${least} to ${most}, not "${text}".`);
}

/** One of a few words. Throws a Failure of usage with the nearest. */
export function readChoice<const T extends string>(
  command: string,
  option: string,
  text: string,
  choices: readonly T[],
): T {
  const found = choices.find((choice) => choice.toLowerCase() === text.toLowerCase());
  if (found !== undefined) return found;
  const meant = nearest(text, choices);
  const hint = meant === undefined ? `It takes ${choices.join(", ")}.` : `Did you mean ${meant}?`;
  throw usage(command, `${option} does not know "${text}". ${hint}`);
}

/** `--frames -5--1` is meant as it looks; parseArgs wants `--frames=-5--1`. */
function joinNegatives(args: readonly string[], options: ParseArgsOptionsConfig): string[] {
  const joined: string[] = [];
  for (const argument of args) {
    const before = joined.at(-1);
    const takesText = before?.startsWith("--") === true && options[before.slice(2)]?.type === "string";
    if (takesText && /^-\d/.test(argument)) joined[joined.length - 1] = `${before}=${argument}`;
    else joined.push(argument);
  }
  return joined;
}

function optionMistake(command: string, options: ParseArgsOptionsConfig, error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  const option = /'(?:-\w, )?(-[^' ]*)/.exec(message)?.[1] ?? "An option";
  if (message.startsWith("Unknown option")) {
    const meant = nearest(option.replace(/^-+/, ""), Object.keys(options));
    const hint = meant === undefined ? "" : ` Did you mean --${meant}?`;
    return usage(command, `tally ${command} has no option ${option}.${hint}`);
  }
  const missing = message.includes("argument missing") || message.includes("ambiguous");
  return usage(command, missing ? `${option} needs a value.` : `${option} takes no value.`);
}
