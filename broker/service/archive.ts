// The results of a job as one zip: stored, not deflated (pictures are compressed already), read file by file while it
// is sent, so that a job of a terabyte needs no more memory than one of a kilobyte.
import { open as openFile } from "node:fs/promises";
import { PassThrough, Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { ZipFile } from "yazl";
import { pathNames } from "../contract/manifest.ts";
import { Problem } from "../contract/problem.ts";
import { isCode } from "../domain/error-code.ts";
import { isWindowsPath } from "../openjd/path-mapping.ts";
import { resultsThatCount, type ResultFile } from "../store/artifacts.ts";
import { findBlob } from "../store/blobs.ts";
import type { Broker } from "./broker.ts";
import { frameOf, frameParameterOf } from "./frames.ts";
import { readBlob } from "./read-blob.ts";

interface Entry {
  /** Its name in the zip. */
  path: string;
  file: ResultFile;
}

export interface ArchivePlan {
  jobId: number;
  entries: Entry[];
  /** Results whose bytes are no longer kept. */
  gone: ResultFile[];
}

/** Rows read at once. */
const page = 2000;
/** Files told or put into the zip at once. */
const slice = 500;
const isKept = ({ staged, stored }: ResultFile) => staged !== "" || stored === 1;

/**
 * Which files go into the zip of a job, under which names. Throws `not-found` when there is no result, `cleaned` when
 * none is kept any more.
 */
export async function planArchive(
  broker: Broker,
  jobId: number,
  only: { step?: string; matches?: (name: string) => boolean },
): Promise<ArchivePlan> {
  const { plan } = broker.plans.of(jobId);
  if (only.step !== undefined && !plan.steps.some((step) => step.name === only.step))
    throw new Problem(
      "not-found",
      `Job ${jobId} has no step ${only.step}. Its steps: ${plan.steps.map((step) => step.name).join(", ")}.`,
    );
  // Of two results with one name the later one counts, as on a disk.
  const byName = new Map<string, ResultFile>();
  for (let after = 0; ;) {
    const rows = resultsThatCount(broker.rows, jobId, null, after, page);
    for (const file of rows) {
      if (only.step !== undefined && file.step !== only.step) continue;
      if (only.matches?.(file.name) === false) continue;
      byName.delete(file.name);
      byName.set(file.name, file);
    }
    if (rows.length < page) break;
    after = rows.at(-1)?.id ?? after;
    // oxlint-disable-next-line no-await-in-loop -- others have their turn in between
    await turn();
  }
  const files = [...byName.values()];
  const kept = files.filter(isKept);
  const gone = files.filter((file) => !isKept(file));
  if (files.length === 0)
    throw new Problem(
      "not-found",
      `Job ${jobId} has no results that this asks for. \`tally show ${jobId}\` tells where it is.`,
    );
  if (kept.length === 0) {
    const home = gone.find(({ deliveredAt }) => deliveredAt !== null);
    throw new Problem(
      "cleaned",
      `The broker keeps no copy of these results any more. ${home ? `They were brought home: the first is ${home.name}.` : `Render them again: tally requeue ${jobId} --all`}`,
    );
  }
  return { jobId, entries: await entriesOf(kept), gone };
}

/** Names relative to the folder that all have in common; never absolute, never climbing. */
async function entriesOf(files: readonly ResultFile[]): Promise<Entry[]> {
  let common: string[] | undefined;
  await inSlices(files, (file) => {
    const folder = namesOf(file).slice(0, -1);
    common ??= folder;
    let at = 0;
    while (at < common.length && at < folder.length && common[at] === folder[at]) at++;
    common.length = at;
  });
  const taken = new Set(["manifest.json"]);
  const entries: Entry[] = [];
  await inSlices(files, (file) => {
    let path = namesOf(file).slice(common?.length).join("/");
    // Two systems' spellings of one name, or a result that is called like our own list.
    if (taken.has(path)) path = `${file.id}-${path.replaceAll("/", "-")}`;
    taken.add(path);
    entries.push({ path, file });
  });
  return entries;
}

/** Does `work` for each; others have their turn in between. Ends early when `isOver` says so. */
async function inSlices<T>(
  items: readonly T[],
  work: (item: T) => void,
  isOver = () => false,
): Promise<void> {
  for (let at = 0; at < items.length && !isOver(); at += slice) {
    for (const item of items.slice(at, at + slice)) work(item);
    // oxlint-disable-next-line no-await-in-loop -- see above
    await turn();
  }
}

function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}

/** What no system would take as a path gets a name of its own. */
function namesOf({ id, name }: ResultFile): string[] {
  const names = pathNames(name, isWindowsPath(name) ? "windows" : "posix");
  // A zip's reader may take a backslash for a slash.
  if (!names || names.length === 0)
    return ["other", `${id}-${name.replaceAll(/[^\w.-]+/g, "-").slice(-100)}`];
  return names.map((one) => one.replaceAll("\\", "-"));
}

/** The zip as a stream. Ends early when the one who asked goes away. */
export function writeArchive(
  broker: Broker,
  { jobId, entries, gone }: ArchivePlan,
  signal: AbortSignal,
): Readable {
  const zip = new ZipFile();
  const out = new PassThrough();
  zip.outputStream.pipe(out);
  let reading: NodeJS.ReadableStream | undefined;
  const stop = (error?: Error) => {
    (zip.outputStream as Readable).unpipe(out);
    (reading as Readable | undefined)?.destroy();
    out.destroy(error);
  };
  zip.on("error", stop);
  out.once("close", () => stop());
  if (signal.aborted) stop();
  signal.addEventListener("abort", () => stop(), { once: true });
  async function next(
    file: ResultFile,
    done: (error: unknown, stream: NodeJS.ReadableStream) => void,
  ): Promise<void> {
    if (out.destroyed) return;
    try {
      reading = await openResult(broker, file);
    } catch (error) {
      stop(error instanceof Error ? error : new Error(String(error)));
      return;
    }
    // Whoever asked went away while it was opened.
    if (out.destroyed) {
      (reading as Readable).destroy();
      return;
    }
    // Without this a file that breaks off would leave the zip waiting for ever.
    reading.once("error", stop);
    done(null, reading);
  }

  const mtime = new Date(broker.clock.now());
  const plain = { compress: false, mtime };
  zip.addReadStreamLazy("manifest.json", plain, (done) =>
    done(null, Readable.from(listOf(broker, jobId, entries, gone), { objectMode: false })),
  );
  function add({ path, file }: Entry): void {
    const mode = file.executable === 1 ? 0o100755 : 0o100644;
    zip.addReadStreamLazy(path, { ...plain, mode, size: file.bytes }, (done) => void next(file, done));
  }
  inSlices(entries, add, () => out.destroyed).then(() => zip.end(), stop);
  return out;
}

/** How long a file that moves into the store may be in neither place, ms; a rename takes far less. */
const moveMs = 5000;

/** A file's bytes, wherever they are by now: a staged one may move into the store at this very moment. */
export async function openResult(
  broker: Broker,
  { id, name, staged, sha256 }: Pick<ResultFile, "id" | "name" | "staged" | "sha256">,
): Promise<NodeJS.ReadableStream> {
  const until = performance.now() + moveMs;
  for (;;) {
    // oxlint-disable no-await-in-loop -- one place after the other, until it is found in one of them
    const blob = findBlob(broker.rows, sha256);
    const stream = blob && (await readBlob(broker, blob));
    if (stream) return stream;
    if (staged !== "") {
      const handle = await openFile(staged, "r").catch((error: unknown) => {
        if (isCode(error, "ENOENT")) return null;
        throw error;
      });
      if (handle) return handle.createReadStream();
      // Moved, and its row is not written yet.
      const moved = await broker.blobs.get(sha256);
      if (moved) return moved.stream;
    }
    if (staged === "" || performance.now() > until) throw new Error(`the bytes of ${name} (${id}) are gone`);
    await pause(20);
    // oxlint-enable no-await-in-loop
  }
}

/** What is in the zip, and what is not, as JSON text; made while it is sent. */
async function* listOf(
  broker: Broker,
  jobId: number,
  entries: readonly Entry[],
  gone: readonly ResultFile[],
): AsyncGenerator<Buffer> {
  const { plan, settings } = broker.plans.of(jobId);
  const steps = new Map(
    plan.steps.map((step) => [
      step.name,
      { step, parameter: frameParameterOf(step, settings.frameParameter) },
    ]),
  );
  const describe = (file: ResultFile) => {
    const found = steps.get(file.step);
    const { name: home, sha256, bytes, step } = file;
    return {
      home,
      sha256,
      bytes,
      step,
      frame: found ? frameOf(found.step, found.parameter, file.ordinal) : null,
    };
  };
  async function* lines<T>(items: readonly T[], toTell: (item: T) => object): AsyncGenerator<Buffer> {
    for (let at = 0; at < items.length; at += slice) {
      const told = items.slice(at, at + slice).map((item) => JSON.stringify(toTell(item)));
      yield Buffer.from(`${at === 0 ? "\n" : ",\n"}${told.join(",\n")}`);
      await turn();
    }
  }
  yield Buffer.from(`{"job": ${jobId}, "name": ${JSON.stringify(plan.name)}, "files": [`);
  yield* lines(entries, ({ path, file }) => ({ name: path, ...describe(file) }));
  if (gone.length > 0) {
    yield Buffer.from('\n], "notKept": [');
    yield* lines(gone, describe);
  }
  yield Buffer.from("\n]}\n");
}
