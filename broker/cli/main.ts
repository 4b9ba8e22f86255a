// Starts the command line. Everything it does is in command-line.ts, which tests can import without starting it.
import { keepHeapSmall } from "../small-heap.ts";
import { runCommandLine } from "./command-line.ts";

keepHeapSmall();

process.exitCode = await runCommandLine(process.argv.slice(2));
