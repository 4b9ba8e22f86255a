// A network between a client and a broker that a test may cut, hold up and lead elsewhere: real TCP, nothing pretended.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { onTestFinished } from "vitest";

export interface TcpProxy {
  readonly url: string;
  /** Ends every connection at once, as a pulled cable or a dead router does. */
  cut(): void;
  /** Bytes come in and go nowhere until `release`. */
  hold(): void;
  release(): void;
  /** New connections go to this address; what was held is let go. */
  lead(url: string): void;
  /** Connections there are now. */
  count(): number;
}

/** Starts a proxy in front of `url`. It ends with the test. */
export async function startProxy(url: string): Promise<TcpProxy> {
  let target = new URL(url);
  let held = false;
  const pairs = new Set<[Socket, Socket]>();
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    const pair: [Socket, Socket] = [near, far];
    pairs.add(pair);
    near.pipe(far);
    if (!held) far.pipe(near);
    for (const socket of pair) {
      socket.on("error", () => undefined);
      socket.on("close", () => {
        near.destroy();
        far.destroy();
        pairs.delete(pair);
      });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const cut = () => {
    for (const [near, far] of pairs) {
      near.resetAndDestroy();
      far.destroy();
    }
  };
  onTestFinished(() => {
    server.close();
    cut();
  });
  const release = () => {
    // Piped twice, every byte would come twice.
    if (!held) return;
    held = false;
    for (const [near, far] of pairs) far.pipe(near);
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut,
    hold() {
      if (held) return;
      held = true;
      for (const [near, far] of pairs) {
        far.unpipe(near);
        far.pause();
      }
    },
    release,
    lead(next) {
      target = new URL(next);
      release();
    },
    count: () => pairs.size,
  };
}
