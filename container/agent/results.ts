// The files of finished tasks on their way to the broker: checked, hashed, and sent first where the broker cannot see them.
import { constants } from "node:fs";
import { copyFile, mkdir, open } from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import type { Client } from "../../broker/contract/client.ts";
import { maxReportFiles, type Lease, type ReportFile } from "../../broker/contract/worker.ts";
import { createBackoff, isPassing } from "./backoff.ts";
import type { CollectedFile, Collector } from "./files/collect.ts";

/** A result that cannot be sent waits for so long, as a worker that cannot reach the broker does. */
export const AWAY_LIMIT_MS = 30 * 60_000;

/** Trouble on the way is told in the log after this time, and tried again. */
export const TELL_AFTER_MS = 20_000;

/** A file as its task tells of it. */
export interface MadeFile {
  path: string;
  name: string;
  bytes: number;
  executable?: boolean;
}

/** Which task made them, and the file that says how its pictures look. */
export interface MadeBy {
  ordinal: number;
  look?: string | undefined;
}

export interface Results {
  /** Whether this step's results are found by looking at folders. */
  readonly collects: boolean;
  /** Whether the broker is to fetch files out of the lease's folder. */
  readonly staged: boolean;
  /** The lease is over: nothing more is said about it. */
  readonly over: boolean;
  /** The files that tasks wrote since the last look. Throws Error with one sentence. */
  collect(): Promise<CollectedFile[]>;
  /** Copies files that lie in the session's folder out of it, before the session goes on or ends. */
  lift(files: readonly MadeFile[]): Promise<MadeFile[]>;
  /**
   * Makes files ready to be reported: whole, on the disk, hashed, and at the broker unless it sees them.
   * @throws Error with one sentence about a file that is not what it was said to be, or when the lease is over.
   */
  settle(files: readonly MadeFile[], of: MadeBy): Promise<ReportFile[]>;
  /** The same for a task that did not succeed: what cannot be had is left out with a line in the log. */
  settlePartial(files: readonly MadeFile[], of: MadeBy): Promise<ReportFile[]>;
}

export interface ResultsOptions {
  client: Client;
  lease: Pick<Lease, "leaseId" | "token">;
  /** The folder of this lease, for the broker or for the time until they are sent. */
  folder: string;
  /** Whether the broker sees that folder. */
  sharesDisk: boolean;
  /** The folder of the session, known once there is one. */
  session: () =>
    | { folder: string; collector: Collector | undefined; homeOf: (path: string) => string }
    | undefined;
  /** Keeps pictures for their previews before anybody moves them. Never throws. */
  hold: (
    ordinal: number,
    made: readonly (ReportFile & { path: string })[],
    look: string | undefined,
  ) => Promise<void>;
  say: (line: string) => void;
  signal: AbortSignal;
}

/** The results of one lease. */
export function createResults(options: ResultsOptions): Results {
  const { client, folder, lease, sharesDisk, signal, say } = options;
  let staged = false;
  let moved = 0;

  async function lift(file: MadeFile): Promise<MadeFile> {
    const { path } = file;
    const session = options.session()?.folder;
    if (path.startsWith(folder + sep) || session === undefined || !path.startsWith(session + sep))
      return file;
    const copy = join(folder, `moved-${(moved += 1)}`, basename(path));
    try {
      await mkdir(dirname(copy), { recursive: true, mode: 0o700 });
      await copyFile(path, copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    } catch (error) {
      throw notAsWritten(file, error);
    }
    return { ...file, path: copy };
  }

  async function check(file: MadeFile): Promise<ReportFile & { path: string }> {
    const { hashFile } = await import("./files/hash.ts");
    const { path, bytes } = file;
    try {
      const handle = await open(path, "r");
      try {
        const { size } = await handle.stat();
        if (size !== bytes)
          throw new Error(`it has ${size} bytes on the disk, not the ${bytes} that were written`);
        if (sharesDisk) await handle.datasync();
      } finally {
        await handle.close();
      }
      const hashed = await hashFile(path);
      if (hashed.bytes !== bytes) throw new Error("somebody wrote to it while it was read");
      const name = options.session()?.homeOf(file.name) ?? file.name;
      return {
        path,
        name,
        bytes,
        sha256: hashed.sha256,
        ...(file.executable === true && { executable: true as const }),
      };
    } catch (error) {
      throw notAsWritten(file, error);
    }
  }

  async function send(files: readonly (ReportFile & { path: string })[]): Promise<void> {
    const { uploadFiles } = await import("./files/upload.ts");
    const headers = { "tally-lease": lease.leaseId, "tally-lease-token": lease.token };
    const backoff = createBackoff();
    const until = performance.now() + AWAY_LIMIT_MS;
    let told: string | undefined;
    for (;;) {
      try {
        return await uploadFiles(client, files, { headers, signal, giveUpAfterMs: TELL_AFTER_MS });
      } catch (error) {
        signal.throwIfAborted();
        if (!isPassing(error) || performance.now() > until) throw error;
        const why = (error as Error).message;
        if (why !== told)
          say(`tally: Results wait on this worker: ${why} They are sent as soon as that passes.`);
        told = why;
        await backoff.wait(signal);
      }
    }
  }

  async function settle(files: readonly MadeFile[], { ordinal, look }: MadeBy): Promise<ReportFile[]> {
    if (files.length === 0) return [];
    if (files.length > maxReportFiles) {
      throw new Error(
        `The task wrote ${files.length} files; one task may have ${maxReportFiles}. Write fewer, or pack them into one file.`,
      );
    }
    const ready: (ReportFile & { path: string })[] = [];
    for (const file of files) {
      signal.throwIfAborted();
      ready.push(await check(file));
    }
    // A look is the renderer's own, and lies beside its pictures.
    await options.hold(ordinal, ready, look?.startsWith(folder + sep) === true ? look : undefined);
    if (sharesDisk) {
      staged = true;
      return ready;
    }
    try {
      await send(ready);
    } catch (error) {
      signal.throwIfAborted();
      throw new Error(`The frame's files could not be sent: ${(error as Error).message}`, { cause: error });
    }
    return ready.map(({ path: _, ...file }) => file);
  }

  return {
    get collects() {
      return options.session()?.collector !== undefined;
    },
    get staged() {
      return staged;
    },
    get over() {
      return signal.aborted;
    },
    async collect() {
      return (await options.session()?.collector?.collect(folder, say)) ?? [];
    },
    lift: (files) => Promise.all(files.map((file) => lift(file))),
    settle,
    async settlePartial(files, of) {
      try {
        return await settle(files, of);
      } catch (error) {
        if (!signal.aborted) say(`tally: What was written before is not kept. ${(error as Error).message}`);
        return [];
      }
    },
  };
}

function notAsWritten({ name }: MadeFile, error: unknown): Error {
  const why = (error as Error).message;
  return new Error(`The frame's file ${basename(name)} is not what was written: ${why}.`, { cause: error });
}
