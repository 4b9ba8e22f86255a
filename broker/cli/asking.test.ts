// Asking a broker over bad lines: silence is no answer, Ctrl-C ends every wait, and another broker is found.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished, expect, test } from "vitest";
import { createClient, UnreachableError } from "../contract/client.ts";
import { createAsking } from "./asking.ts";

function closeAfterwards(server: Server): void {
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
}

/** A server that leaves the first so many requests without an answer, and says its name to the others. */
async function serve(
  name: string,
  silent = 0,
): Promise<{ url: string; heard: () => number; server: Server }> {
  let heard = 0;
  const server = createServer((_, answer) => {
    if (++heard > silent) answer.end(JSON.stringify({ name }));
  }).listen(0, "127.0.0.1");
  closeAfterwards(server);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, heard: () => heard, server };
}

const never = new AbortController().signal;

test("a call that is not answered is made again", async () => {
  const { url, heard } = await serve("slow", 2);
  const broker = createAsking(() => createClient(url, "t"), never, 50);
  expect(await broker.ask((client) => client.call("get", "/x"))).toEqual({ name: "slow" });
  expect(heard()).toBe(3);
});

test("a broker that is busy, and a proxy before one that restarts, are asked again; a refusal is one, whoever's", async () => {
  const statuses = [429, 502, 503, 200, 403];
  const server = createServer((_, answer) => {
    answer.statusCode = statuses.shift() ?? 500;
    answer.end(answer.statusCode === 200 ? "{}" : "<p>Said by a proxy.</p>");
  }).listen(0, "127.0.0.1");
  closeAfterwards(server);
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const broker = createAsking(() => createClient(url, "t"), never);
  expect(await broker.ask((client) => client.call("get", "/x"))).toEqual({});
  await expect(broker.ask((client) => client.call("get", "/x"))).rejects.toThrow("answered 403 Forbidden");
  expect(statuses).toEqual([]);
});

test("an aborted signal ends a call that hangs, with its reason, whether or not it is made through ask", async () => {
  const { url, heard } = await serve("deaf", Infinity);
  const stopped = new AbortController();
  const broker = createAsking(() => createClient(url, "t"), stopped.signal);
  const asked = broker.ask((client) => client.call("get", "/x"));
  const called = broker.client.call("get", "/y");
  const bytes = broker.client.raw("get", "/z");
  const ends = Promise.allSettled([asked, called, bytes]);
  await expect.poll(heard).toBe(3);
  const reason = new Error("Ctrl-C");
  stopped.abort(reason);
  for (const end of await ends) expect(end).toEqual({ status: "rejected", reason });
});

test("bytes may take longer than an answer", async () => {
  let end: (() => void) | undefined;
  const server = createServer(({ url: path }, answer) => {
    if (path !== "/bytes") return;
    answer.write("a");
    end = () => void answer.end("b");
  }).listen(0, "127.0.0.1");
  closeAfterwards(server);
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { client } = createAsking(() => createClient(url, "t"), never, 50);
  const bytes = await client.raw("get", "/bytes");
  // Begun later, this one is given up first: by then the other has taken as long as a call may.
  await expect(client.call("get", "/silence")).rejects.toThrow(UnreachableError);
  const signal = AbortSignal.timeout(1);
  await expect(client.call("get", "/silence", { signal })).rejects.toThrow(UnreachableError);
  end?.();
  expect(await bytes.text()).toBe("ab");
});

test("a broker that went away is looked for where it is now; the client is another only when the broker is", async () => {
  const [first, second] = [await serve("first"), await serve("second")];
  let url = first.url;
  let isWritten = true;
  const broker = createAsking(() => {
    if (!isWritten) throw new Error("The connection file is being written.");
    return createClient(url, "t");
  }, never);
  const { client } = broker;
  broker.findAgain();
  expect(broker.client).toBe(client);
  first.server.close();
  first.server.closeAllConnections();
  url = second.url;
  isWritten = false;
  const asked = broker.ask((one) => one.call("get", "/x"));
  broker.findAgain();
  expect(broker.client).toBe(client);
  isWritten = true;
  expect(await asked).toEqual({ name: "second" });
  expect(broker.client.url).toBe(second.url);
});
