// Starts a broker in the background and waits until it answers.
import { spawn } from "node:child_process";
import { mkdirSync, openSync, closeSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { createClient, type Client } from "../contract/client.ts";
import {
  dataFolderOf,
  findBroker,
  isHealthy,
  isNamed,
  readConnection,
  type BrokerOptions,
} from "./connect.ts";
import { Failure } from "./failure.ts";

export interface FoundBroker {
  client: Client;
  /** True when it was not running and is now. */
  started: boolean;
  /** The page's one-time address, of a broker that was just started. */
  loginUrl?: string;
}

const patienceMs = 30_000;
const lookEveryMs = 30;

/**
 * The broker that is meant; one on this machine is started when it does not run. `port`: for the new one, 0 takes a free one;
 * without it the usual one, or a free one when another program has that and tally.yaml does not insist.
 * Throws a Failure with the broker's own words when it does not start.
 */
export async function findOrStart(options: BrokerOptions & { port?: number }): Promise<FoundBroker> {
  const dataFolder = dataFolderOf(options);
  if (isNamed(options) || readConnection(dataFolder) !== undefined) {
    const client = findBroker(options);
    if (isNamed(options) || (await isHealthy(client))) return { client, started: false };
  }
  return startInBackground(dataFolder, options.port);
}

/** The program to start for a command: `main.ts` of a checkout, or the bundle that this file became a part of. */
export function entryBeside(file: string): string {
  return join(dirname(file), file.endsWith(".ts") ? "main.ts" : "tally.mjs");
}

async function startInBackground(dataFolder: string, asked: number | undefined): Promise<FoundBroker> {
  mkdirSync(dataFolder, { recursive: true, mode: 0o700 });
  const port = asked ?? (await freePortInstead(dataFolder));
  const logFile = join(dataFolder, "serve.log");
  const log = openSync(logFile, "w", 0o600);
  const args = [entryBeside(import.meta.filename), "serve", "--json", "--data", dataFolder];
  if (port !== undefined) args.push("--port", String(port));
  const child = spawn(process.execPath, args, {
    detached: true,
    stdio: ["ignore", log, log],
    windowsHide: true,
    cwd: dataFolder,
    env: backgroundEnvironment(),
  });
  closeSync(log);
  let ended = false;
  child.on("exit", () => (ended = true));
  child.on("error", () => (ended = true));
  child.unref();
  const until = Date.now() + patienceMs;
  while (Date.now() < until) {
    const connection = readConnection(dataFolder);
    if (connection !== undefined && (ended || connection.pid === child.pid)) {
      const client = createClient(connection.url, connection.token);
      if (await isHealthy(client)) return { client, started: true, ...lastWords(logFile) };
    }
    if (ended) break;
    await pause(lookEveryMs);
  }
  const { problem, text } = lastWords(logFile);
  throw new Failure(
    ended
      ? (problem ?? (text || "The broker ended as soon as it was started, without a word."))
      : `The broker was started but does not answer after ${patienceMs / 1000} s. Its words are in ${logFile}.`,
  );
}

/** 0 when the usual port is another program's and nobody named one: whoever submits did not ask for a port at all. */
async function freePortInstead(dataFolder: string): Promise<0 | undefined> {
  const { ConfigError, listensAt } = await import("../config.ts");
  try {
    const { host, port, isPortNamed } = listensAt(dataFolder);
    return !isPortNamed && (await isTaken(host, port)) ? 0 : undefined;
  } catch (error) {
    // The broker itself says what is wrong with it.
    if (error instanceof ConfigError) return undefined;
    throw error;
  }
}

function isTaken(host: string, port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => done(error.code === "EADDRINUSE"));
    server.listen(port, host, () => server.close(() => done(false)));
  });
}

/** What `serve --json` wrote: where it listens, or why it could not. */
function lastWords(logFile: string): { loginUrl?: string; problem?: string; text: string } {
  const text = readFileSync(logFile, "utf8").trim().split("\n").slice(-12).join("\n");
  try {
    const said = JSON.parse(text.split("\n").at(-1) ?? "") as {
      loginUrl?: string;
      error?: { detail?: string };
    };
    return {
      text,
      ...(said.loginUrl !== undefined && { loginUrl: said.loginUrl }),
      ...(said.error?.detail !== undefined && { problem: said.error.detail }),
    };
  } catch {
    // It ended in the middle of something: its plain words are then the best there is.
    return { text };
  }
}

/** The broker outlives this command: what npm said about the command is not about it. */
function backgroundEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("npm_")));
}
