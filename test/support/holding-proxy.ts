// A proxy in front of a broker that never passes on one kind of request: the moment before it stays.
import { once } from "node:events";
import { createServer, request as ask, type IncomingMessage } from "node:http";
import { connect, type Socket } from "node:net";

export interface HoldingProxy {
  url: string;
  /** The body of the first request that was held. */
  held: Promise<string>;
  stop(): Promise<void>;
}

/** Passes everything on to `target`, WebSockets too, apart from requests that `holds` names: those never get an answer. */
export async function startHoldingProxy(
  target: string,
  holds: (request: IncomingMessage, body: string) => boolean,
): Promise<HoldingProxy> {
  const held = Promise.withResolvers<string>();
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const body = Buffer.concat(parts);
      if (holds(request, body.toString())) return held.resolve(body.toString());
      const headers = { ...request.headers, host: new URL(target).host };
      const onward = ask(new URL(request.url ?? "/", target), { method: request.method ?? "GET", headers });
      onward.on("response", (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on("error", () => response.destroy());
      response.on("close", () => onward.destroy());
      onward.end(body);
    });
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const lines = new Set<Socket>();
  server.on("upgrade", ({ method, url, rawHeaders }, near: Socket, head) => {
    const { port, hostname } = new URL(target);
    const far = connect(Number(port), hostname);
    const headers = rawHeaders.map((text, index) => (index % 2 === 0 ? `${text}: ` : `${text}\r\n`)).join("");
    far.write(`${method} ${url} HTTP/1.1\r\n${headers}\r\n`);
    far.write(head);
    near.pipe(far).pipe(near);
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      lines.add(one);
      one.on("error", () => undefined);
      one.on("close", () => {
        other.destroy();
        lines.delete(one);
      });
    }
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    held: held.promise,
    async stop() {
      if (!server.listening) return;
      server.closeAllConnections();
      for (const one of lines) one.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
