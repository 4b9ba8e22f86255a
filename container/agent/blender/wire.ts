// The words that the render client and the session's background process exchange: JSON lines over a local socket.
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Socket } from "node:net";

/** A line of a frame's life, as printed after `tally_frame: `. */
export type FrameLine = {
  frame: number;
  /** `released`: left out, because this lease was told to stop after its frame. */
  state: "started" | "progress" | "succeeded" | "failed" | "released";
  progress?: number;
  /** What it is at, in Blender's words: Sample 64/160. */
  status?: string;
  files?: FrameFile[];
  seconds?: number;
  device?: string;
  reason?: string;
  /** The file that says how its pictures look, for their previews. */
  look?: string;
};
export type FrameFile = { path: string; name: string; bytes: number };

export type ToDaemon =
  | { do: "open" }
  | { do: "render"; frames: number[]; folder: string; timeout: number | null }
  | { do: "stop" };
export type FromDaemon =
  /** One or more lines, without the last line break. */
  | { is: "log"; line: string }
  | { is: "frame"; frame: FrameLine }
  | { is: "ready"; text: string }
  | { is: "done" }
  | { is: "fatal"; reason: string };

const LONGEST_MESSAGE = 1 << 22;

/** Sockets have short names (104 bytes on macOS), so a deep session folder gets one in the temporary folder. */
export function socketPath(sessionFolder: string): string {
  const short = createHash("sha256").update(sessionFolder).digest("hex").slice(0, 24);
  if (process.platform === "win32") return `\\\\.\\pipe\\tally-${short}`;
  const inside = join(sessionFolder, "blender.sock");
  return Buffer.byteLength(inside) <= 100 ? inside : join(tmpdir(), `tally-${short}.sock`);
}

type Message = ToDaemon | FromDaemon;
const unsent = new WeakMap<Socket, Message[]>();

/**
 * Writes one message, together with all others of the same turn. Log lines that follow each other travel as
 * one: Blender prints dozens a frame, and on a small machine relaying them must not slow the render down.
 */
export function sendLine(socket: Socket, message: Message): void {
  const waiting = unsent.get(socket);
  if (waiting) {
    const last = waiting.at(-1);
    if (last && "is" in last && last.is === "log" && "is" in message && message.is === "log") {
      last.line += `\n${message.line}`;
    } else waiting.push(message);
    return;
  }
  unsent.set(socket, [message]);
  queueMicrotask(() => {
    const messages = unsent.get(socket) ?? [];
    unsent.delete(socket);
    if (!socket.destroyed) socket.write(messages.map((one) => `${JSON.stringify(one)}\n`).join(""));
  });
}

/** Calls `handle` for each message of the other side; what is not one of ours is dropped. */
export function onLines<T extends ToDaemon | FromDaemon>(socket: Socket, handle: (message: T) => void): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (data: string) => {
    const lines = (rest + data).split("\n");
    rest = (lines.pop() ?? "").slice(-LONGEST_MESSAGE);
    for (const line of lines) {
      const message = parse<T>(line);
      if (message !== null) handle(message);
    }
  });
}

function parse<T>(line: string): T | null {
  try {
    return JSON.parse(line) as T;
  } catch {
    return null;
  }
}
