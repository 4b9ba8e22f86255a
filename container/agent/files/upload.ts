// Sends files to the broker's store: those that are missing, small ones together, long ones in parts, all of it resumable.
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  maxPackedBytes,
  maxSingleBytes,
  packBytes,
  type BlobRef,
  type Upload,
} from "../../../broker/contract/blob.ts";
import { ProblemError, type Client } from "../../../broker/contract/client.ts";
import { packEnd, packHead, packStart } from "../../../broker/contract/pack.ts";
import { FileChangedError } from "./file-errors.ts";
import { createHashPool } from "./hash-pool.ts";
import { createGate, eachOf, together } from "./lanes.ts";
import { createCounter } from "./progress.ts";
import { StoreError } from "./retry.ts";
import { putSigned } from "./signed.ts";
import {
  ask,
  createSilence,
  createTransfer,
  findMissing,
  type Transfer,
  type TransferOptions,
} from "./transfer.ts";
import {
  openToRead,
  piecesOf,
  sendParts,
  UploadGoneError,
  type Sending,
  type UploadFile,
} from "./upload-parts.ts";

/** Packs at once, and how long each is, bytes: it is held whole, here and by the broker. */
const packsAtOnce = 2;
const ownPackBytes = Math.min(packBytes, 1024 * 1024);
/** Long files at once: each is read at several places. */
const longAtOnce = 2;
/** The broker looks at so many files sent in one piece together. */
const confirmedTogether = 64;
/** An upload that the broker forgets is begun anew so often. */
const beginnings = 5;

/**
 * Those of the blobs that the broker does not have, in their order. Throws ProblemError, UnreachableError, or the
 * signal's reason.
 */
export async function missingOf<T extends BlobRef>(
  client: Client,
  blobs: readonly T[],
  options: TransferOptions = {},
): Promise<T[]> {
  let missing: T[] = [];
  await together(options.signal, [
    async (signal) => {
      missing = await findMissing(createTransfer(client, options, signal), blobs);
    },
  ]);
  return missing;
}

/**
 * Sends the files whose bytes the broker does not have; all are in the store when it resolves. Progress counts what is
 * missing alone. Tries again what passes by itself, asks anew for addresses that expired, goes on after a cut where it
 * was; called again, it sends the rest. Throws FileChangedError, FileUnreadableError, ProblemError, UnreachableError,
 * or the signal's reason.
 */
export async function uploadFiles(
  client: Client,
  files: readonly UploadFile[],
  options: TransferOptions = {},
): Promise<void> {
  const unique = [...new Map(files.map((file) => [file.sha256, file])).values()];
  if (unique.length === 0) return;
  // One thread hashes faster than any store takes, and each costs memory.
  const pool = createHashPool(1);
  try {
    await together(options.signal, [
      async (outer) => {
        const first = createTransfer(client, options, outer);
        const missing = await findMissing(first, unique);
        const total = { files: missing.length, bytes: sumOf(missing) };
        const counter = createCounter(total, options.onProgress);
        const gate = createGate(first.parallel);
        const sendingWith = (signal: AbortSignal): Sending => ({
          transfer: { ...first, signal },
          pool,
          counter,
          gate,
        });
        await together(outer, [
          (signal) =>
            sendSmall(
              sendingWith(signal),
              missing.filter(({ bytes }) => bytes <= maxPackedBytes),
            ),
          (signal) => sendMiddling(sendingWith(signal), missing.filter(isMiddling)),
          (signal) =>
            sendLong(
              sendingWith(signal),
              missing.filter(({ bytes }) => bytes > maxSingleBytes),
            ),
        ]);
      },
    ]);
  } finally {
    await pool.close();
  }
}

/** Sends bytes that are in memory, such as a manifest, unless the broker has them. Throws like `uploadFiles`. */
export async function uploadBytes(
  client: Client,
  data: Uint8Array,
  options: TransferOptions = {},
): Promise<BlobRef> {
  const blob = { sha256: createHash("sha256").update(data).digest("hex"), bytes: data.length };
  if (data.length <= maxPackedBytes) {
    const pack = Buffer.concat([packStart(), packHead(blob.sha256, data.length), data, packEnd(1)]);
    await together(options.signal, [
      async (signal) => {
        const transfer = createTransfer(client, options, signal);
        if ((await findMissing(transfer, [blob])).length === 0) return;
        await transfer.patience.keep(() => putPack(transfer, pack, () => {}), { signal, mends: [400, 422] });
      },
    ]);
    return blob;
  }
  // The way of files tries again, resumes and signs; a copy on the disk is cheap beside the line.
  const folder = await mkdtemp(join(tmpdir(), "tally-upload-"));
  try {
    const path = join(folder, randomBytes(8).toString("hex"));
    await writeFile(path, data, { mode: 0o600 });
    await uploadFiles(client, [{ path, ...blob }], options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return blob;
}

const isMiddling = ({ bytes }: BlobRef) => bytes > maxPackedBytes && bytes <= maxSingleBytes;

function sumOf(blobs: readonly BlobRef[]): number {
  return blobs.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Small files, in packs. */
async function sendSmall(sending: Sending, files: readonly UploadFile[]): Promise<void> {
  const idle: ArrayBuffer[] = [];
  const packs: UploadFile[][] = [];
  let bytes = ownPackBytes;
  for (const file of files) {
    if (bytes >= ownPackBytes) [packs[packs.length], bytes] = [[], 0];
    packs.at(-1)?.push(file);
    bytes += file.bytes;
  }
  await eachOf(packs, packsAtOnce, (pack) => sendPack(sending, pack, idle));
}

async function sendPack(
  { transfer, pool, counter, gate }: Sending,
  files: readonly UploadFile[],
  idle: ArrayBuffer[],
): Promise<void> {
  const { patience, signal } = transfer;
  const counted = counter.attempt();
  let left = files;
  await patience.keep(
    async (attempt) => {
      const before = left.length;
      if (attempt > 0) left = await findMissing(transfer, left);
      // What arrived before a cut counts; that the broker answers does not, while its storage takes nothing.
      if (left.length < before) patience.moved();
      if (left.length === 0) return;
      const named = left.map(({ path, sha256, bytes }) => ({ path, sha256, bytes }));
      const data = await pool.pack(named, idle.pop());
      counted.settle(sumOf(files) - sumOf(left));
      await gate(() => putPack(transfer, data, (bytes) => counted.move(bytes)));
      // Only after an answer: a line that broke may still hold it.
      idle.push(data.buffer);
    },
    { signal, mends: [400, 422] },
  );
  patience.moved();
  counted.settle(sumOf(files));
  counter.finish(files.length);
}

async function putPack(
  transfer: Transfer,
  data: Uint8Array,
  onBytes: (bytes: number) => void,
): Promise<void> {
  const { client, headers, signal } = transfer;
  const silence = createSilence(signal);
  const onPiece = (bytes: number) => {
    silence.refresh();
    onBytes(bytes);
  };
  try {
    const answer = await client.raw("post", "/v1/packs", {
      headers,
      bytes: streamOf(data, onPiece),
      signal: silence.signal,
    });
    await answer.text();
  } finally {
    silence.end();
  }
}

/** Bytes piece by piece, so that what is counted has left. */
function streamOf(data: Uint8Array, onBytes: (bytes: number) => void): ReadableStream<Uint8Array> {
  const pieceBytes = 256 * 1024;
  let at = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (at >= data.length) return controller.close();
        const piece = data.subarray(at, at + pieceBytes);
        controller.enqueue(piece);
        at += piece.length;
        onBytes(piece.length);
      },
    },
    { highWaterMark: 0 },
  );
}

/** Files that go in one piece; the broker looks at those that were sent, and what it does not find is sent again. */
async function sendMiddling(sending: Sending, files: readonly UploadFile[]): Promise<void> {
  const { transfer, counter } = sending;
  let left = [...files];
  for (let round = 0; left.length > 0; round++) {
    if (round === beginnings) throw notKept(left[0] as UploadFile);
    const sent: UploadFile[] = [];
    const lost: UploadFile[] = [];
    const confirm = async (): Promise<void> => {
      const asked = sent.splice(0);
      if (asked.length === 0) return;
      const body = { blobs: asked.map(({ sha256, bytes }) => ({ sha256, bytes })) };
      const { missing } = await transfer.patience.keep(
        () => ask<{ missing: number[] }>(transfer, "post", "/v1/blobs/stored", body),
        { signal: transfer.signal },
      );
      for (const place of missing) lost.push(asked[place] as UploadFile);
      counter.move(-sumOf(missing.map((place) => asked[place] as UploadFile)));
      counter.finish(asked.length - missing.length);
    };
    // oxlint-disable-next-line no-await-in-loop -- a round follows only when the one before lost files
    await eachOf(left, transfer.parallel, async (file) => {
      await sendWhole(sending, file);
      sent.push(file);
      if (sent.length >= confirmedTogether) await confirm();
    });
    // oxlint-disable-next-line no-await-in-loop -- see above
    await confirm();
    left = lost;
  }
}

/** One file in one piece. */
async function sendWhole({ transfer, pool, counter, gate }: Sending, file: UploadFile): Promise<void> {
  const { signal, patience, client } = transfer;
  const counted = counter.attempt();
  await patience.keep(
    async () => {
      const { sha256, bytes } = file;
      const upload = await ask<Upload>(transfer, "post", "/v1/blobs/uploads", { sha256, bytes });
      if (upload.kind === "parts") throw new Error("The broker wants parts of a file that is short.");
      if (upload.kind === "present") return;
      const handle = await openToRead(file.path);
      try {
        const pieces = piecesOf(handle, file.path, 0, bytes);
        const onBytes = (more: number) => counted.move(more);
        await gate(() => putSigned(upload.put, bytes, pieces, { base: client.url, signal, onBytes }));
      } catch (error) {
        counted.undo();
        const isRefused = error instanceof StoreError && error.status === 400;
        if (isRefused && (await hasChanged(pool, file))) throw new FileChangedError(file.path);
        throw error;
      } finally {
        await handle.close();
      }
    },
    { signal, mends: [400, 403, 404] },
  );
  patience.moved();
  counted.settle(file.bytes);
}

async function hasChanged(pool: Sending["pool"], file: UploadFile): Promise<boolean> {
  const [now] = await pool.hash([file.path]);
  return !now || !("sha256" in now) || now.sha256 !== file.sha256;
}

/** Files that go in parts. */
async function sendLong(sending: Sending, files: readonly UploadFile[]): Promise<void> {
  await eachOf(files, longAtOnce, async (file) => {
    await sendInParts(sending, file);
    sending.counter.finish();
  });
}

async function sendInParts(sending: Sending, file: UploadFile): Promise<void> {
  const { transfer, counter } = sending;
  const { sha256, bytes } = file;
  for (let beginning = 1; ; beginning++) {
    // oxlint-disable-next-line no-await-in-loop -- begun anew only when the broker forgot it
    const upload = await transfer.patience.keep(
      () => ask<Upload>(transfer, "post", "/v1/blobs/uploads", { sha256, bytes }),
      { signal: transfer.signal },
    );
    if (upload.kind === "single") throw new Error("The broker wants a long file in one piece.");
    if (upload.kind === "present") return counter.move(bytes);
    try {
      // oxlint-disable-next-line no-await-in-loop -- see above
      return await sendParts(sending, file, upload);
    } catch (error) {
      if (!(error instanceof UploadGoneError) || beginning === beginnings) throw error;
    }
  }
}

function notKept(file: UploadFile): ProblemError {
  return new ProblemError({
    type: "about:blank",
    title: "The storage does not answer",
    status: 503,
    detail: `The storage takes the file ${file.path} but does not keep it. Ask whoever looks after the storage.`,
    instance: "",
    code: "storage-down",
  });
}

export type { UploadFile } from "./upload-parts.ts";
