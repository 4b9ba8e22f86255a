// How a command ends when it cannot do what was asked: one sentence and an exit code.
import { ProblemError, UnreachableError } from "../contract/client.ts";
import { asTypedHere, tally } from "./own-name.ts";
import { plainLines } from "./style.ts";

/** 0 is well; the others say whose turn it is: the work's, the typist's, or the broker's. */
export const exitCodes = { ok: 0, failed: 1, usage: 2, noBroker: 3, interrupted: 130 } as const;
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** Ends a command with its message, which is for a person, and an exit code. */
export class Failure extends Error {
  readonly exitCode: ExitCode;

  constructor(message: string, exitCode: ExitCode = exitCodes.failed) {
    super(message);
    this.name = "Failure";
    this.exitCode = exitCode;
  }
}

/** A mistake that ends a command with its sentence and exit code 1. */
export class CommandMistake extends Error {}

/** How a command ends: the words, the exit code, and what is said with --json. */
interface Explained {
  text: string;
  exitCode: ExitCode;
  json: unknown;
}

/** What to print and how to end for anything that a command threw. Bugs keep their stack. */
export function explain(error: unknown): Explained {
  const { text, ...rest } = explained(error);
  // Names and reasons of others stand in many of these sentences.
  return { text: asTypedHere(plainLines(text)), ...rest };
}

function explained(error: unknown): Explained {
  if (error instanceof Failure)
    return { text: error.message, exitCode: error.exitCode, json: { detail: error.message } };
  if (error instanceof ProblemError) {
    // The sentence of a conflict says it all; its fields are for programs.
    const said = error.code === "conflict" ? [] : (error.body.errors ?? []);
    // A single one says in short for programs what the sentence says.
    const fields = said.length === 1 ? [] : said.filter(({ detail }) => !error.message.includes(detail));
    const lines = fields.map(({ pointer, detail }) => `  ${pointer === "" ? "" : `${pointer}: `}${detail}`);
    const isPassing = error.code === "busy" || error.code === "rate-limited";
    const next = isPassing ? " Try again in a moment." : "";
    const text = [error.message + next, ...lines].join("\n");
    return { text, exitCode: exitCodes.failed, json: error.body };
  }
  if (error instanceof UnreachableError) {
    const text = `${error.message} Start one with \`${tally("serve")}\`, or check the address.`;
    return { text, exitCode: exitCodes.noBroker, json: { detail: text } };
  }
  if (error instanceof CommandMistake)
    return { text: error.message, exitCode: exitCodes.failed, json: { detail: error.message } };
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return {
    text: `Tally made a mistake. Please report it with these lines:\n${text}`,
    exitCode: exitCodes.failed,
    json: { detail: text },
  };
}
