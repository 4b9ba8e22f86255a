// The log of one lease: kept in a file, sent to the broker by byte offset, so that nothing is lost while it is away.
import { closeSync, ftruncateSync, openSync, readSync, rmSync, statSync, writeSync } from "node:fs";
import type { Client } from "../../broker/contract/client.ts";
import { createBackoff, hasCode, isPassing, REQUEST_LIMIT_MS } from "./backoff.ts";

const FLUSH_AFTER_MS = 200;
const FLUSH_BYTES = 64 * 1024;
const PIECE_BYTES = 1024 * 1024;
/** The broker keeps no more of one lease. */
const MAX_BYTES = 500 * 1024 * 1024;

export interface LeaseLog {
  /** Bytes of log so far: where the next line will begin. */
  readonly offset: number;
  append(line: string): void;
  /** Resolves once everything appended so far is at the broker, or never can be. */
  flush(): Promise<void>;
  /** Stops sending; the file goes too unless it is to be sent by another process. */
  close(keepFile: boolean): void;
}

export interface LogTarget {
  client: Client;
  leaseId: string;
  token: string;
  signal: AbortSignal;
}

/** Opens a log; the file is made with the first line. A file that exists goes on where it ended. */
export function createLeaseLog(target: LogTarget, file: string): LeaseLog {
  let handle: number | undefined;
  let written = existingBytes(file);
  let sent = 0;
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> | undefined;
  let over = false;
  let full = false;

  function writeOut(): void {
    clearTimeout(timer);
    timer = undefined;
    if (pendingBytes === 0) return;
    const bytes = Buffer.concat(pending);
    pending = [];
    pendingBytes = 0;
    try {
      handle ??= openSync(file, "a+", 0o600);
      writeSync(handle, bytes);
      written += bytes.length;
    } catch {
      // A full disk: the log stops here, the render goes on. What was half written is cut off again.
      full = true;
      try {
        if (handle !== undefined) ftruncateSync(handle, written);
      } catch {
        // Then the half line stays; nothing after it is sent.
      }
    }
  }

  /** What comes next to send; undefined when the file is gone or the disk refuses: a log is no reason to stop a render. */
  function readPiece(): Uint8Array<ArrayBuffer> | undefined {
    try {
      handle ??= openSync(file, "a+", 0o600);
      const bytes = new Uint8Array(Math.min(PIECE_BYTES, written - sent));
      const length = readSync(handle, bytes, 0, bytes.length, sent);
      return length === 0 ? undefined : bytes.subarray(0, length);
    } catch {
      return undefined;
    }
  }

  async function send(): Promise<void> {
    const backoff = createBackoff();
    while (sent < written && !target.signal.aborted) {
      const bytes = readPiece();
      if (bytes === undefined) {
        over = true;
        return;
      }
      try {
        await target.client.raw("put", `/v1/leases/${target.leaseId}/log`, {
          query: { offset: sent },
          bytes,
          headers: { "tally-lease-token": target.token },
          signal: AbortSignal.any([target.signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]),
        });
        sent += bytes.length;
        backoff.reset();
      } catch (error) {
        if (target.signal.aborted) return;
        const right = hasCode(error, "wrong-offset") ? error.body.offset : undefined;
        if (right !== undefined && right !== sent && right <= written) sent = right;
        else if (isPassing(error)) await backoff.wait(target.signal).catch(() => {});
        else {
          // Refused for good: too long, or the lease is lost, which the next report will hear.
          over = true;
          return;
        }
      }
    }
  }

  async function flush(): Promise<void> {
    writeOut();
    const goal = written;
    while (sent < goal && !over && !target.signal.aborted) {
      sending ??= send().finally(() => {
        sending = undefined;
      });
      await sending;
    }
  }

  return {
    get offset() {
      return written + pendingBytes;
    },
    append(line) {
      if (over || full || written + pendingBytes > MAX_BYTES) return;
      const bytes = Buffer.from(`${line}\n`);
      pending.push(bytes);
      pendingBytes += bytes.length;
      if (pendingBytes >= FLUSH_BYTES) void flush();
      else timer ??= setTimeout(() => void flush(), FLUSH_AFTER_MS);
    },
    flush,
    close(keepFile) {
      if (keepFile) writeOut();
      over = true;
      clearTimeout(timer);
      if (handle !== undefined) closeSync(handle);
      handle = undefined;
      if (!keepFile) rmSync(file, { force: true });
    },
  };
}

function existingBytes(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
