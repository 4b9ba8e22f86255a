// One keep-alive connection that says one request at a time with as little work as possible, so that the load costs
// the shared cores little.
import { connect, type Socket } from "node:net";

export interface HttpLine {
  /** Sends one request and calls `done` with the answer's body. */
  send(method: string, path: string, body: string, done: (body: string, status: number) => void): void;
  close(): void;
}

/** Opens a line to a broker on this machine. `failed` hears what breaks it. */
export function openLine(port: number, token: string, failed: (error: Error) => void): HttpLine {
  const socket: Socket = connect(port, "127.0.0.1");
  socket.setNoDelay(true);
  let text = "";
  let waiting: ((body: string, status: number) => void) | undefined;
  socket.setEncoding("latin1");
  socket.on("error", failed);
  socket.on("close", () => waiting && failed(new Error("the server closed the connection")));
  socket.on("data", (part: string) => {
    text = text === "" ? part : text + part;
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return;
    const status = Number(text.slice(9, 12));
    const length = lengthOf(text.slice(0, end), status);
    if (text.length < end + 4 + length) return;
    const body = text.slice(end + 4, end + 4 + length);
    text = text.slice(end + 4 + length);
    const done = waiting;
    waiting = undefined;
    done?.(body, status);
  });
  const headers = `host: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\ncontent-type: application/json\r\n`;
  return {
    send(method, path, body, done) {
      waiting = done;
      socket.write(
        `${method} ${path} HTTP/1.1\r\n${headers}content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
        "latin1",
      );
    },
    close: () => socket.destroy(),
  };
}

function lengthOf(head: string, status: number): number {
  const match = /\r\ncontent-length: (\d+)/i.exec(head);
  if (match) return Number(match[1]);
  if (status === 204) return 0;
  throw new Error(`an answer without its length:\n${head}`);
}
