// Small pictures of what tasks made. They are made one after the other beside the next frames, never before them, and
// whatever goes wrong with one is no trouble of any frame.
import { constants } from "node:fs";
import { copyFile, link, lstat, mkdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import type { Client } from "../../../broker/contract/client.ts";
import type { Lease, ReportFile } from "../../../broker/contract/worker.ts";
import { createBackoff, isPassing, REQUEST_LIMIT_MS } from "../backoff.ts";
import { AWAY_LIMIT_MS } from "../results.ts";
import type { PreviewMaker } from "./make-preview.ts";
import { isPictureName } from "./picture-names.ts";

/** Pictures wait on this disk until their turn comes: at most so many, and so many bytes. What is beyond has no preview. */
const MOST_HELD = 2000;
const MOST_HELD_BYTES = 8 * 1024 ** 3;
/** On a disk with less room the frames need what a picture in waiting would hold. */
const LEAST_FREE_BYTES = 512 * 1024 ** 2;

export interface Previews {
  /** How many are still to be made, as far as the broker knows their files. */
  readonly waiting: number;
  /** Keeps the pictures among a try's files from going away before their turn. Never throws. */
  hold(
    lease: Pick<Lease, "leaseId" | "token">,
    attemptId: string,
    files: readonly (ReportFile & { path: string })[],
    look: string | undefined,
  ): Promise<void>;
  /** The broker knows the files of these tries now: their turn may come. */
  release(attemptIds: readonly string[]): void;
  /** The broker will not hear of these tries. */
  drop(attemptIds: readonly string[]): void;
  /** Makes what is released, for at most so many ms, and ends. */
  close(limitMs: number): Promise<void>;
}

/** No look is longer, bytes. */
const MOST_LOOK_BYTES = 64 * 1024;

/** The text of a look: of a file that is one, and short. Throws for any other. */
async function readLook(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  const { size } = await lstat(path).then((found) => (found.isFile() ? found : Promise.reject(new Error())));
  return size > MOST_LOOK_BYTES ? undefined : await readFile(path, "utf8");
}

interface Held {
  lease: Pick<Lease, "leaseId" | "token">;
  attemptId: string;
  sha256: string;
  /** Where it can be read: a name of our own. */
  source: string;
  bytes: number;
  /** What the artist calls it. */
  name: string;
  /** The text of its scene's look. */
  look: string | undefined;
}

export interface PreviewOptions {
  client: Client;
  maker: PreviewMaker;
  /** A folder for this alone, on the disk of the results; made with the first picture. */
  folder: string;
  /** One line about what does not work, each once. */
  say: (text: string) => void;
  /** A broker that is away is waited for so long, once for all that wait, ms. Default: as long as by any result. */
  awayLimitMs?: number;
}

/** Previews of one agent. */
export function createPreviews({
  client,
  maker,
  folder,
  say,
  awayLimitMs = AWAY_LIMIT_MS,
}: PreviewOptions): Previews {
  const held = new Map<string, Held[]>();
  const told = new Set<string>();
  const gone = new AbortController();
  let queue: Held[] = [];
  let names = 0;
  let count = 0;
  let bytes = 0;
  let working: Promise<void> | undefined;
  /** Since when the broker takes nothing: one that is away for long is not waited for anew with each picture. */
  let awaySince: number | undefined;

  function complain(name: string, error: unknown): void {
    const why = error instanceof Error ? error.message : String(error);
    if (gone.signal.aborted || told.has(why) || told.size > 100) return;
    told.add(why);
    say(`no preview of ${name}: ${why}`);
  }

  /** Another name for the same bytes: the broker may move the first one home at any moment. */
  async function keep(file: { path: string; name: string }): Promise<string> {
    const source = join(folder, `${(names += 1)}${extname(file.name)}`);
    try {
      await link(file.path, source);
    } catch {
      // A disk without links.
      await copyFile(file.path, source, constants.COPYFILE_FICLONE);
    }
    return source;
  }

  async function letGo({ source, bytes: size }: Held): Promise<void> {
    count -= 1;
    bytes -= size;
    await rm(source, { force: true }).catch(() => {});
  }

  async function work(): Promise<void> {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const target = `${next.source}.preview.jpg`;
      const look = next.look === undefined ? undefined : `${next.source}.look.json`;
      // oxlint-disable no-await-in-loop -- one after the other: the frames come first
      try {
        gone.signal.throwIfAborted();
        if (look !== undefined) await writeFile(look, next.look ?? "");
        await maker.make(next.source, target, look);
        await send(next, target);
      } catch (error) {
        complain(next.name, error);
      }
      await letGo(next);
      for (const path of look === undefined ? [target] : [target, look])
        await rm(path, { force: true }).catch(() => {});
      // oxlint-enable no-await-in-loop
    }
  }

  async function send({ lease, attemptId, sha256 }: Held, target: string): Promise<void> {
    const data = new Uint8Array(await readFile(target));
    const headers = { "tally-lease": lease.leaseId, "tally-lease-token": lease.token };
    const backoff = createBackoff();
    for (;;) {
      const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]);
      try {
        // oxlint-disable-next-line no-await-in-loop -- again until the broker has it
        await client.raw("put", `/v1/attempts/${attemptId}/previews/${sha256}`, {
          bytes: data,
          headers,
          signal,
        });
        awaySince = undefined;
        return;
      } catch (error) {
        gone.signal.throwIfAborted();
        if (!isPassing(error)) awaySince = undefined;
        else awaySince ??= performance.now();
        if (awaySince === undefined || performance.now() - awaySince > awayLimitMs) throw error;
        // oxlint-disable-next-line no-await-in-loop -- see above
        await backoff.wait(gone.signal);
      }
    }
  }

  function wake(): void {
    working ??= work().finally(() => {
      working = undefined;
      if (queue.length > 0) wake();
    });
  }

  return {
    get waiting() {
      return queue.length + (working === undefined ? 0 : 1);
    },
    async hold(lease, attemptId, files, look) {
      const mine: Held[] = [];
      const text = await readLook(look).catch(() => undefined);
      for (const file of files) {
        if (!isPictureName(file.name) || gone.signal.aborted) continue;
        if (count >= MOST_HELD || bytes + file.bytes > MOST_HELD_BYTES) {
          complain(basename(file.name), "too many pictures wait for theirs on this worker already");
          continue;
        }
        try {
          // oxlint-disable no-await-in-loop -- a link takes no time
          await mkdir(folder, { recursive: true, mode: 0o700 });
          const { bavail, bsize } = await statfs(folder);
          if (bavail * bsize < LEAST_FREE_BYTES) throw new Error("the disk of this worker is nearly full");
          const { sha256, bytes: size } = file;
          const source = await keep(file);
          // oxlint-enable no-await-in-loop
          mine.push({ lease, attemptId, sha256, source, bytes: size, name: basename(file.name), look: text });
          count += 1;
          bytes += size;
        } catch (error) {
          complain(basename(file.name), error);
        }
      }
      if (mine.length > 0) held.set(attemptId, mine);
    },
    release(attemptIds) {
      for (const id of attemptIds) {
        queue.push(...(held.get(id) ?? []));
        held.delete(id);
      }
      if (queue.length > 0) wake();
    },
    drop(attemptIds) {
      for (const id of attemptIds) {
        for (const one of held.get(id) ?? []) void letGo(one);
        held.delete(id);
      }
    },
    async close(limitMs) {
      const timer = setTimeout(() => {
        queue = [];
        gone.abort();
        maker.close();
      }, limitMs);
      await working;
      clearTimeout(timer);
      gone.abort();
      maker.close();
      await rm(folder, { recursive: true, force: true }).catch(() => {});
    },
  };
}
