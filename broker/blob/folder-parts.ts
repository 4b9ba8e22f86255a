// Uploads in parts of the folder store: one sparse file for each, and beside it a note for every part that is right.
//
// A part goes straight to its place in the file. While one sender writes there, another one of the same part writes
// beside it, and whoever is whole first wins: a sender whose line hangs keeps nobody waiting and spoils nothing.
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import {
  mkdir,
  open,
  readdir,
  readFile,
  rm,
  statfs,
  truncate,
  writeFile,
  type FileHandle,
} from "node:fs/promises";
import { join } from "node:path";
import { Problem } from "../contract/problem.ts";
import { isCode } from "../domain/error-code.ts";
import type { BlobName, BlobPart } from "../domain/ports.ts";
import { onDisk, writeAll } from "./durable.ts";
import { readThrough, receive } from "./receive.ts";

/** An upload as it is written in its folder. */
interface UploadNote {
  sha256: string;
  bytes: number;
  partBytes: number;
  begun: number;
}

/** Who writes a part's place; once lost, not one byte more. */
interface Slot {
  isLost: boolean;
  writing: Promise<void>;
  /** Set where the whole part is on this machine already, so that nothing can hang: resolves at the end. */
  local: Promise<void> | undefined;
}

interface OpenUpload extends UploadNote {
  folder: string;
  parts: Map<number, BlobPart>;
  slots: Map<number, Slot>;
  completing: Promise<void> | undefined;
}

export interface FolderParts {
  start(blob: BlobName, partBytes: number): Promise<string>;
  /** Throws `not-found` for an upload that is not known, `invalid` for a part of another size than it must have. */
  checkPart(upload: string, blob: BlobName, part: BlobPart): Promise<void>;
  receive(upload: string, part: BlobPart, stream: AsyncIterable<Uint8Array>): Promise<boolean>;
  list(upload: string, blob: BlobName): Promise<{ number: number; bytes: number }[] | null>;
  complete(upload: string, blob: BlobName, count: number): Promise<void>;
  abort(upload: string, blob: BlobName): Promise<void>;
  abortStale(before: number, known: ReadonlySet<string>, isDry: boolean): Promise<number>;
}

/** Keeps uploads in `folder`; `commit` gives a whole file, on the disk, its name in the store. */
export function createFolderParts(options: {
  folder: string;
  now: () => number;
  commit: (file: string, sha256: string) => Promise<unknown>;
  head: (sha256: string) => Promise<number | null>;
}): FolderParts {
  const { folder, now, commit, head } = options;
  const known = new Map<string, Promise<OpenUpload | null>>();

  /** An upload; one that an earlier process began is read again whole first: its notes may be newer than its bytes. */
  function load(id: string): Promise<OpenUpload | null> {
    if (!/^[0-9a-f]{24}$/.test(id)) return Promise.resolve(null);
    let upload = known.get(id);
    if (!upload) {
      upload = onDisk(() => readUpload(join(folder, id)));
      known.set(id, upload);
      const forget = (found: OpenUpload | null) => found === null && known.delete(id);
      upload.then(forget, () => forget(null));
    }
    return upload;
  }
  async function loadOf(id: string, blob: BlobName): Promise<OpenUpload | null> {
    const upload = await load(id);
    return upload?.sha256 === blob.sha256 && upload.bytes === blob.bytes ? upload : null;
  }

  async function forget(id: string, upload: OpenUpload): Promise<void> {
    known.delete(id);
    await stopWriters(upload);
    await onDisk(() => rm(upload.folder, { recursive: true, force: true }));
  }

  async function assemble(id: string, upload: OpenUpload, count: number): Promise<void> {
    await stopWriters(upload);
    let bytes = 0;
    for (let number = 1; number <= count; number++) {
      const part = upload.parts.get(number);
      if (!part) throw new Problem("conflict", `Part ${number} is not here yet. Send it, then try again.`);
      bytes += part.bytes;
    }
    if (bytes !== upload.bytes)
      throw new Problem("conflict", `The parts are ${bytes} bytes in all, not ${upload.bytes}.`);
    const data = join(upload.folder, "data");
    await onDisk(async () => {
      const handle = await open(data, "r+");
      try {
        await handle.chmod(0o400);
        await handle.sync();
      } finally {
        await handle.close();
      }
    });
    await commit(data, upload.sha256);
    await forget(id, upload);
  }

  return {
    async start(blob, partBytes) {
      const id = randomBytes(12).toString("hex");
      const place = join(folder, id);
      await onDisk(async () => {
        await mkdir(place, { recursive: true, mode: 0o700 });
        await refuseWithoutRoom(place, blob.bytes);
        await writeFile(join(place, "data"), "", { mode: 0o600 });
        await truncate(join(place, "data"), blob.bytes);
        const note: UploadNote = { ...blob, partBytes, begun: now() };
        await writeFile(join(place, "upload.json"), JSON.stringify(note), { mode: 0o600 });
      }).catch(async (error: unknown) => {
        await rm(place, { recursive: true, force: true });
        throw error;
      });
      return id;
    },
    async checkPart(id, blob, part) {
      const upload = await loadOf(id, blob);
      if (!upload) throw unknownUpload("not-found");
      const right = Math.min(upload.partBytes, upload.bytes - (part.number - 1) * upload.partBytes);
      if (part.number < 1 || part.bytes !== right || right <= 0)
        throw new Problem("invalid", `Part ${part.number} of this upload must be ${right} bytes long.`);
    },
    async receive(id, part, stream) {
      const upload = await load(id);
      if (!upload) return false;
      await receivePart(upload, part, stream);
      return true;
    },
    async list(id, blob) {
      const upload = await loadOf(id, blob);
      if (!upload) return null;
      const parts = [...upload.parts.values()].toSorted((a, b) => a.number - b.number);
      return parts.map(({ number, bytes }) => ({ number, bytes }));
    },
    async complete(id, blob, count) {
      const upload = await loadOf(id, blob);
      if (!upload) {
        if ((await head(blob.sha256)) === blob.bytes) return;
        throw unknownUpload("conflict");
      }
      upload.completing ??= assemble(id, upload, count).finally(() => {
        upload.completing = undefined;
      });
      await upload.completing;
    },
    async abort(id, blob) {
      const upload = await loadOf(id, blob);
      if (upload) await forget(id, upload);
    },
    async abortStale(before, alive, isDry) {
      let aborted = 0;
      for (const id of await readdir(folder).catch(() => [])) {
        if (alive.has(id)) continue;
        const place = join(folder, id);
        // oxlint-disable-next-line no-await-in-loop -- a few uploads, once a day
        const note = await readNote(place);
        if (note && note.begun >= before) continue;
        aborted += 1;
        if (isDry) continue;
        // oxlint-disable-next-line no-await-in-loop -- see above
        const upload = await known.get(id);
        // oxlint-disable-next-line no-await-in-loop -- see above
        if (upload) await forget(id, upload);
        // oxlint-disable-next-line no-await-in-loop -- see above
        else await rm(place, { recursive: true, force: true });
      }
      return aborted;
    },
  };
}

async function refuseWithoutRoom(folder: string, bytes: number): Promise<void> {
  const { bavail, bsize, blocks } = await statfs(folder);
  // Some network file systems do not tell.
  if (blocks > 0 && bavail * bsize < bytes)
    throw new Problem(
      "storage-full",
      `The disk with Tally's files has no room for ${Math.ceil(bytes / 1_000_000).toLocaleString("en-US")} MB. Free some space, or type \`tally clean\` on the broker's machine, and submit again.`,
    );
}

async function receivePart(
  upload: OpenUpload,
  part: BlobPart,
  stream: AsyncIterable<Uint8Array>,
): Promise<void> {
  if (upload.parts.get(part.number)?.sha256 === part.sha256) {
    await readThrough(part, stream);
    return;
  }
  if (upload.completing) throw takenOver();
  if (!upload.slots.has(part.number)) {
    await writeInPlace(upload, part, stream);
    return;
  }
  const beside = join(upload.folder, `${part.number}.${randomBytes(6).toString("hex")}.beside`);
  try {
    const handle = await onDisk(() => open(beside, "wx", 0o600));
    try {
      await receive(part, stream, (pieces, at) => onDisk(() => writeAll(handle, pieces, at)));
    } finally {
      await handle.close();
    }
    await takePlace(upload, part.number);
    if (upload.completing) throw takenOver();
    if (upload.parts.get(part.number)?.sha256 === part.sha256) return;
    const ended = Promise.withResolvers<void>();
    const source = createReadStream(beside) as AsyncIterable<Uint8Array>;
    await writeInPlace(upload, part, source, ended.promise).finally(() => ended.resolve());
  } finally {
    await rm(beside, { force: true });
  }
}

/** Stops who writes a part's place and may hang. Whoever asked may begin there before anything else happens. */
async function takePlace(upload: OpenUpload, number: number): Promise<void> {
  for (let slot = upload.slots.get(number); slot; slot = upload.slots.get(number)) {
    // oxlint-disable-next-line no-await-in-loop -- there may be another one by then
    await (slot.local ?? stopWriter(slot));
    if (upload.slots.get(number) === slot) upload.slots.delete(number);
  }
}

/** Writes a part that nobody else is writing. */
async function writeInPlace(
  upload: OpenUpload,
  part: BlobPart,
  stream: AsyncIterable<Uint8Array>,
  local?: Promise<void>,
): Promise<void> {
  const slot: Slot = { isLost: false, writing: Promise.resolve(), local };
  upload.slots.set(part.number, slot);
  // Should it fail from here on, the place holds neither the old bytes nor the new ones.
  upload.parts.delete(part.number);
  const start = (part.number - 1) * upload.partBytes;
  let handle: FileHandle | undefined;
  try {
    await onDisk(() => rm(notePath(upload, part.number), { force: true }));
    const file = await onDisk(() => open(join(upload.folder, "data"), "r+"));
    handle = file;
    await receive(part, stream, async (pieces, at) => {
      // The rest is still read: an answer under way to a sender breaks its line.
      if (slot.isLost) return;
      slot.writing = onDisk(() => writeAll(file, pieces, start + at));
      await slot.writing;
    });
    if (slot.isLost) {
      await upload.slots.get(part.number)?.local;
      if (upload.parts.get(part.number)?.sha256 === part.sha256) return;
      throw takenOver();
    }
    upload.parts.set(part.number, { number: part.number, bytes: part.bytes, sha256: part.sha256 });
    await onDisk(() =>
      writeFile(notePath(upload, part.number), JSON.stringify(upload.parts.get(part.number)), {
        mode: 0o600,
      }),
    );
  } catch (error) {
    throw isCode(error, "ENOENT") ? unknownUpload("not-found") : error;
  } finally {
    await handle?.close();
    if (upload.slots.get(part.number) === slot) upload.slots.delete(part.number);
  }
}

const notePath = (upload: OpenUpload, number: number) => join(upload.folder, `${number}.part`);

async function stopWriter(slot: Slot | undefined): Promise<void> {
  if (!slot) return;
  slot.isLost = true;
  await slot.writing.catch(() => undefined);
}

async function stopWriters(upload: OpenUpload): Promise<void> {
  await Promise.all([...upload.slots.values()].map(stopWriter));
}

function unknownUpload(code: "not-found" | "conflict"): Problem {
  return new Problem(code, "This upload is not known any more. Begin it again, by the same command.");
}

function takenOver(): Problem {
  return new Problem("busy", "Somebody else sent the same part meanwhile. Ask what is missing, then go on.");
}

async function readUpload(folder: string): Promise<OpenUpload | null> {
  const note = await readNote(folder);
  if (!note) return null;
  const upload: OpenUpload = { ...note, folder, parts: new Map(), slots: new Map(), completing: undefined };
  for (const name of await readdir(folder)) {
    if (!/^\d+\.part$/.test(name)) continue;
    // oxlint-disable-next-line no-await-in-loop -- one disk reads one thing after another best
    const part = (await readJson(join(folder, name))) as BlobPart | null;
    // oxlint-disable-next-line no-await-in-loop -- see above
    if (part && (await isRight(upload, part))) upload.parts.set(part.number, part);
  }
  return upload;
}

async function isRight(upload: OpenUpload, part: BlobPart): Promise<boolean> {
  const start = (part.number - 1) * upload.partBytes;
  const end = start + part.bytes - 1;
  const stream = createReadStream(join(upload.folder, "data"), { start, end, highWaterMark: 1024 * 1024 });
  try {
    await readThrough(part, stream as AsyncIterable<Uint8Array>);
    return true;
  } catch (error) {
    if (error instanceof Problem && error.code === "invalid") return false;
    throw error;
  }
}

async function readNote(folder: string): Promise<UploadNote | null> {
  return (await readJson(join(folder, "upload.json"))) as UploadNote | null;
}

/** What a file of ours says; null when it is missing or was cut short by a power cut. */
async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError || isCode(error, "ENOENT")) return null;
    throw error;
  }
}
