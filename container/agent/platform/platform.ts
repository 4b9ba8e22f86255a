// What differs between operating systems, behind one object: processes, pipes, files, staying awake.
import type { Readable } from "node:stream";
import { posix } from "./posix.ts";
import { windows } from "./windows.ts";

/** Both output streams of a child in one, in the order they were written. */
export interface OutputPipe {
  /** The file descriptor for the child's stdout and stderr; close it with `started` once the child runs. */
  childEnd: number;
  reader: Readable;
  started(): void;
  /** Gives up reading: somebody else may still hold the other end. */
  close(): void;
}

export interface PipeSource {
  /** A new pipe, or undefined where the system cannot make one: then two pipes serve, in nearly the right order. */
  open(): OutputPipe | undefined;
}

export interface Platform {
  readonly osFamily: "linux" | "macos" | "windows";
  /** The executable file that `command` means for a process with this PATH and folder; undefined when there is none. */
  findCommand(command: string, path: string | undefined, folder: string): string | undefined;
  /** Makes pipes in `folder`, which must exist and be private. */
  pipes(folder: string): PipeSource;
  /** Asks one process to end (SIGTERM); on Windows CTRL_BREAK does not exist for us, so this does nothing there. */
  askToEnd(pid: number): void;
  /** Kills a process, its group and all descendants at once. */
  killTree(pid: number): Promise<void>;
  /** Kills every process whose environment holds `TALLY_SESSION=<marker>`; `pids` are roots known to belong to it. */
  killMarked(marker: string, pids: readonly number[]): Promise<void>;
  /** Below normal, so that the person at the machine comes first; never fails. */
  lowerPriority(pid: number): void;
  /** Keeps the machine from sleeping until the returned function is called; never fails. */
  keepAwake(why: string): () => void;
  /** Renames over an existing file, also one that somebody has open. */
  replaceFile(from: string, to: string): Promise<void>;
  /** The spelling that file calls need for very long paths and network shares. */
  longPath(path: string): string;
}

/** The name of the environment variable that everything started for a session carries. */
export const MARKER = "TALLY_SESSION";

/** This machine's platform. */
export const platform: Platform = process.platform === "win32" ? windows : posix;
