// A thread that reads files and hashes them: batches in, hashes out, one buffer for all.
import { createHash, type Hash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { parentPort } from "node:worker_threads";
import type { PackJob, HashJob, HashedFile, RangeJob, WorkerAnswer, WorkerQuestion } from "./hash-job.ts";
import { packEnd, packHead, packStart } from "../../../broker/contract/pack.ts";

const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
/** How often a long file's progress is told, bytes. */
const toldEvery = 32 * 1024 * 1024;
/** A file that somebody writes to is read again so often before it counts as changing. */
const tries = 3;

const port = parentPort;
if (!port) throw new Error("This file runs as a thread of its own.");

port.on("message", (question: WorkerQuestion) => {
  let answer: WorkerAnswer;
  try {
    if (question.kind === "hash") answer = { hashed: hashAll(question) };
    else if (question.kind === "range") answer = { range: hashRange(question) };
    else answer = { pack: packAll(question) };
  } catch (error) {
    answer = { failed: failure(error) };
  }
  const moved = "pack" in answer && "data" in answer.pack ? [answer.pack.data.buffer] : [];
  port.postMessage(answer, moved);
});

function hashAll({ paths }: HashJob): HashedFile[] {
  const out: HashedFile[] = [];
  for (const path of paths) {
    try {
      out.push(hashOne(path));
    } catch (error) {
      out.push({ failed: failure(error) });
    }
  }
  return out;
}

/** Reads a file until its size and times are the same before and after; some tries. */
function hashOne(path: string): HashedFile {
  const fd = openSync(path, "r");
  try {
    for (let left = tries; left > 0; left--) {
      const before = fstatSync(fd, { bigint: true });
      const hash = createHash("sha256");
      const bytes = readInto(hash, fd, 0, Number.POSITIVE_INFINITY, true);
      const after = fstatSync(fd, { bigint: true });
      const same =
        before.size === after.size &&
        before.mtimeNs === after.mtimeNs &&
        before.ctimeNs === after.ctimeNs &&
        BigInt(bytes) === after.size;
      if (same) {
        const { mtimeNs, ctimeNs, ino } = after;
        return { sha256: hash.digest("hex"), bytes, mtimeNs, ctimeNs, inode: ino };
      }
      // What was told of a try that does not count is taken back.
      tell(-bytes);
    }
    return { changed: true };
  } finally {
    closeSync(fd);
  }
}

/** The hash of so many bytes from `start`; fewer are there when the file was cut. */
function hashRange({ path, start, bytes }: RangeJob): { sha256: string; bytes: number } {
  const fd = openSync(path, "r");
  try {
    const hash = createHash("sha256");
    const read = readInto(hash, fd, start, bytes, false);
    return { sha256: hash.digest("hex"), bytes: read };
  } finally {
    closeSync(fd);
  }
}

function readInto(hash: Hash, fd: number, start: number, bytes: number, isTold: boolean): number {
  let done = 0;
  let told = 0;
  while (done < bytes) {
    const read = readSync(fd, buffer, 0, Math.min(buffer.length, bytes - done), start + done);
    if (read === 0) break;
    hash.update(buffer.subarray(0, read));
    done += read;
    if (isTold && done - told >= toldEvery) {
      tell(done - told);
      told = done;
    }
  }
  if (isTold) tell(done - told);
  return done;
}

function tell(bytes: number): void {
  if (bytes !== 0) port?.postMessage({ progress: bytes } satisfies WorkerAnswer);
}

/** A pack of whole files whose bytes still have their hashes; names those that do not. */
function packAll({ files, memory }: PackJob): { data: Uint8Array<ArrayBuffer> } | { changed: string } {
  const start = packStart();
  const total = files.reduce((sum, { bytes }) => sum + bytes + 40, start.length + 40);
  const data =
    memory && memory.byteLength >= total ? new Uint8Array(memory, 0, total) : new Uint8Array(total);
  data.set(start);
  let at = start.length;
  for (const { path, sha256, bytes } of files) {
    data.set(packHead(sha256, bytes), at);
    at += 40;
    const body = data.subarray(at, at + bytes);
    if (!fillFrom(path, body) || createHash("sha256").update(body).digest("hex") !== sha256)
      return { changed: path };
    at += bytes;
  }
  data.set(packEnd(files.length), at);
  return { data };
}

/** Fills `body` with the file; false when the file is shorter, longer or gone. */
function fillFrom(path: string, body: Uint8Array): boolean {
  const fd = openSync(path, "r");
  try {
    let done = 0;
    while (done < body.length) {
      const read = readSync(fd, body, done, body.length - done, done);
      if (read === 0) return false;
      done += read;
    }
    return readSync(fd, buffer, 0, 1, done) === 0;
  } finally {
    closeSync(fd);
  }
}

function failure(error: unknown): { message: string; code?: string; path?: string } {
  const { message, code, path } = error as NodeJS.ErrnoException;
  return { message, ...(code !== undefined && { code }), ...(path !== undefined && { path }) };
}
