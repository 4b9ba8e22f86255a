// Finds the broker: the address that was given, the environment's, or the one whose connection file lies in the data folder.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { brokerClock } from "../contract/broker-clock.ts";
import { createClient, UnreachableError, type Client } from "../contract/client.ts";
import type { Connection } from "../contract/system.ts";
import { defaultDataFolder } from "../data-folder.ts";
import { exitCodes, Failure } from "./failure.ts";
import { tally } from "./own-name.ts";

export interface BrokerOptions {
  broker?: string | undefined;
  token?: string | undefined;
  data?: string | undefined;
}

/** The data folder that these options mean, absolute. */
export function dataFolderOf(options: BrokerOptions): string {
  return resolve(options.data ?? defaultDataFolder());
}

/** What the connection file of a data folder says; undefined when there is none that can be read. */
export function readConnection(dataFolder: string): Connection | undefined {
  try {
    const value = JSON.parse(
      readFileSync(join(dataFolder, "connection.json"), "utf8"),
    ) as Partial<Connection>;
    if (typeof value.url !== "string" || typeof value.token !== "string") return undefined;
    return { url: value.url, token: value.token, pid: Number(value.pid) };
  } catch {
    // None was ever started there, or it is somebody else's folder: both mean that there is none for us.
    return undefined;
  }
}

/** True when these options name a broker, so that it is not ours to start. */
export function isNamed(options: BrokerOptions): boolean {
  return (options.broker ?? process.env["TALLY_URL"]) !== undefined;
}

/** Whether this broker runs on this machine, by its connection file. */
export function isOwnBroker(options: BrokerOptions, client: Client): boolean {
  return readConnection(dataFolderOf(options))?.url === client.url;
}

/** A client for the broker that is meant; does not ask whether it answers. Throws a Failure (exit 3) when none is known. */
export function findBroker(options: BrokerOptions): Client {
  const connection = readConnection(dataFolderOf(options));
  const url = options.broker ?? process.env["TALLY_URL"] ?? connection?.url;
  if (url === undefined) {
    throw new Failure(
      `No broker has been started on this machine yet. Start one: ${tally("serve")}`,
      exitCodes.noBroker,
    );
  }
  if (!/^https?:\/\/[^/]+/.test(url) || !URL.canParse(url)) {
    throw new Failure(
      `"${url}" is no address of a broker. Write for example --broker http://127.0.0.1:7878`,
      exitCodes.usage,
    );
  }
  const address = url.replace(/\/+$/, "");
  // The token of the connection file is for that broker alone: never sent to another address.
  const own = connection?.url === address ? connection.token : undefined;
  const token = options.token ?? process.env["TALLY_TOKEN"] ?? own;
  if (token === undefined) {
    throw new Failure(
      `A token is needed for ${address}: set TALLY_TOKEN, or give --token TEXT. On the broker's machine \`${tally("token create")}\` makes one.`,
      exitCodes.usage,
    );
  }
  return createClient(address, token, brokerClock.hear);
}

/** Whether a broker is reached on this very machine. */
export function isThisMachine({ url }: Pick<Client, "url">): boolean {
  return /^https?:\/\/(127\.0\.0\.1|localhost|\[::1\])(:|\/|$)/.test(url);
}

/** True when a Tally broker answers there. */
export async function isHealthy(client: Client): Promise<boolean> {
  return (await healthOf(client)) === "well";
}

/** `silent`: somebody took the call there, and said nothing for three seconds. */
async function healthOf(client: Client): Promise<"well" | "silent" | "gone"> {
  const signal = AbortSignal.timeout(3000);
  try {
    const health = await client.call<{ name?: string }>("get", "/health", { signal });
    return health.name === "tally" ? "well" : "gone";
  } catch {
    return signal.aborted ? "silent" : "gone";
  }
}

/** Like {@link findBroker}, after asking whether it answers. Throws a Failure (exit 3) that says how to start it. */
export async function connect(options: BrokerOptions): Promise<Client> {
  const client = findBroker(options);
  const health = await healthOf(client);
  if (health === "well") return client;
  if (isNamed(options)) throw new UnreachableError(client.url, undefined);
  if (health === "silent")
    throw new Failure(
      `The broker on this machine does not answer though something runs at ${client.url}: it may be very busy, or be held. Try again in a moment; what renders goes on meanwhile.`,
      exitCodes.noBroker,
    );
  throw new Failure(
    `The broker on this machine is not running. Start it: ${tally("serve")}`,
    exitCodes.noBroker,
  );
}
