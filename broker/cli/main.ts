// Starts the command line. Everything it does is in command-line.ts, which tests can import without starting it.
import { runCommandLine } from "./command-line.ts";

process.exitCode = await runCommandLine(process.argv.slice(2));
