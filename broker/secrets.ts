// The secrets of a data folder, readable by its owner alone: the lease secret, the page's token, and the connection
// file by which the command line and the plugins find the broker.
import { createSecretKey, randomBytes, type KeyObject } from "node:crypto";
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { userInfo } from "node:os";
import { join } from "node:path";
import { connectionSchema, type Connection } from "./contract/system.ts";
import { createAuthenticator, createToken } from "./service/tokens.ts";
import type { Broker } from "./service/broker.ts";

/** Writes a file that only its owner can read, whole or not at all. */
export function writePrivate(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.tmp`;
  const file = openSync(temporary, "w", 0o600);
  writeSync(file, text);
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, path);
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    // Not there yet, or damaged: a new one is made.
    return undefined;
  }
}

/** The secret from which lease tokens are derived; made at first start. */
export function leaseSecret(dataFolder: string): KeyObject {
  const path = join(dataFolder, "secret.json");
  const known = readJson(path) as { lease?: unknown } | undefined;
  if (typeof known?.lease === "string" && known.lease.length >= 43)
    return createSecretKey(known.lease, "base64url");
  const secret = randomBytes(32);
  writePrivate(path, JSON.stringify({ lease: secret.toString("base64url") }));
  return createSecretKey(secret);
}

/** Where the connection file of a data folder lies. */
export const connectionPath = (dataFolder: string) => join(dataFolder, "connection.json");

/** Keeps (or makes) this machine's admin token and the page's token. */
export async function ownTokens(
  broker: Broker,
  dataFolder: string,
): Promise<{ admin: string; page: string }> {
  const authenticator = createAuthenticator(broker);
  const connection = connectionSchema.safeParse(readJson(connectionPath(dataFolder)));
  const pagePath = join(dataFolder, "page.json");
  const page = (readJson(pagePath) as { token?: unknown } | undefined)?.token;
  const admin =
    connection.success && authenticator.identify(connection.data.token) ? connection.data.token : null;
  const pageToken = typeof page === "string" && authenticator.identify(page) ? page : null;
  const name = userName();
  const made = await broker.writer.write((tx) => ({
    admin: admin ?? createToken(tx, "admin", name, null).token,
    page: pageToken ?? createToken(tx, "admin", name, null).token,
  }));
  if (!pageToken) writePrivate(pagePath, JSON.stringify({ token: made.page }));
  return made;
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // No entry for this user id, as in some containers.
    return "owner";
  }
}

export function writeConnection(dataFolder: string, connection: Connection): void {
  writePrivate(connectionPath(dataFolder), `${JSON.stringify(connection)}\n`);
}
