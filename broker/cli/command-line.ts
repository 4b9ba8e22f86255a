// What happens between `tally` and a command: help, the version, a mistyped name, and how every command ends.
import { version } from "../version.ts";
import { commandGroups, commands } from "./command-table.ts";
import { exitCodes, explain } from "./failure.ts";
import { nearest } from "../contract/nearest.ts";
import { tally } from "./own-name.ts";
import { plainLines, spelt } from "./style.ts";
import { write } from "./write.ts";

/** The text of `tally --help`. */
export function overview(): string {
  const groups = Object.entries(commandGroups).map(([title, group]) => {
    const lines = Object.entries(group).map(([name, { summary }]) => `  ${name.padEnd(10)} ${summary}\n`);
    return `${title}\n${lines.join("")}`;
  });
  return `Tally renders frames on your machines and brings every one of them home.

  tally submit shot.blend --frames 1-120

${groups.join("\n")}
Commands that take a job number mean the latest job without one (but priority asks for it).
More about one of them: tally COMMAND --help. The version: tally --version
`;
}

/** Runs `tally` with these arguments. Resolves to the exit code: 0 well, 1 failed, 2 wrong use, 3 no broker. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  const [name, ...rest] = args;
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    const about = name === "help" ? rest[0] : undefined;
    // A misspelt name is answered as if it had been typed alone.
    if (about !== undefined)
      return runCommandLine(Object.hasOwn(commands, about) ? [about, "--help"] : [about]);
    await write(overview());
    return name === undefined ? exitCodes.usage : exitCodes.ok;
  }
  if (name === "--version" || name === "-v" || name === "version") {
    await write(`tally ${version}\n`);
    return exitCodes.ok;
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const detail = unknown(name);
    console.error(rest.includes("--json") ? jsonOf({ detail }) : plainLines(detail));
    return exitCodes.usage;
  }
  try {
    const { run, help } = await command.load();
    if (asksForHelp(rest)) {
      await write(help);
      return exitCodes.ok;
    }
    return await run(rest);
  } catch (error) {
    const { text, exitCode, json } = explain(error);
    console.error(rest.includes("--json") ? jsonOf(json) : text);
    return exitCode;
  }
}

const jsonOf = (error: unknown): string => spelt(JSON.stringify({ error }));

function asksForHelp(args: readonly string[]): boolean {
  const end = args.indexOf("--");
  return (end < 0 ? args : args.slice(0, end)).some((one) => one === "--help" || one === "-h");
}

function unknown(name: string): string {
  if (/\.blend\d*$/i.test(name)) return `To render ${name}, type: ${tally(`submit ${name}`)}`;
  const meant = nearest(name, Object.keys(commands));
  const hint = meant === undefined ? `Type: ${tally("--help")}` : `Did you mean: ${tally(meant)}`;
  return `There is no command "${name}". ${hint}`;
}
