// Starts an agent from its environment and arguments, and turns signals into leaving.
import { homedir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { keepHeapSmall } from "../../broker/small-heap.ts";
import { runAgent, type AgentOptions } from "./agent.ts";

/**
 * Reads an agent's options. Secrets are taken out of `environment`, so that nothing this process starts inherits them.
 * @throws Error with one sentence when the broker's address or the token is missing, or a number is none.
 */
export function agentOptions(args: string[], environment: NodeJS.ProcessEnv): AgentOptions {
  const { values } = parseArgs({
    args,
    options: {
      url: { type: "string" },
      work: { type: "string" },
      staging: { type: "string" },
      blobs: { type: "string" },
      "cache-bytes": { type: "string" },
      pool: { type: "string" },
      name: { type: "string" },
    },
  });
  const url = values.url ?? environment.TALLY_URL;
  const token = environment.TALLY_TOKEN;
  delete environment.TALLY_TOKEN;
  if (url === undefined || token === undefined) {
    throw new Error("An agent needs the broker's address in TALLY_URL and a worker's token in TALLY_TOKEN.");
  }
  const optional = {
    staging: values.staging ?? environment.TALLY_STAGING,
    blobs: values.blobs ?? environment.TALLY_BLOBS,
    pool: values.pool ?? environment.TALLY_POOL,
    name: values.name ?? environment.TALLY_NAME,
    launchId: environment.TALLY_LAUNCH_ID,
    blenders: environment.TALLY_BLENDERS?.split(process.platform === "win32" ? ";" : ":").filter(
      (it) => it !== "",
    ),
  };
  const cacheBytes = values["cache-bytes"] ?? environment.TALLY_CACHE_BYTES;
  if (cacheBytes !== undefined && !/^\d{1,15}$/.test(cacheBytes)) {
    throw new Error(
      `"${cacheBytes}" is no number of bytes. Give a whole number, such as --cache-bytes 20000000000 for 20 GB.`,
    );
  }
  return {
    ...(cacheBytes !== undefined && { cacheBytes: Number(cacheBytes) }),
    url: url.replace(/\/+$/, ""),
    token,
    work: values.work ?? environment.TALLY_WORK ?? join(homedir(), ".cache", "tally", "agent"),
    ...(Object.fromEntries(
      Object.entries(optional).filter(([, value]) => value !== undefined && value !== ""),
    ) as Partial<AgentOptions>),
  };
}

async function main(): Promise<number> {
  const leave = new AbortController();
  const leaveAtOnce = new AbortController();
  const onSignal = (): void => {
    if (leave.signal.aborted) leaveAtOnce.abort();
    else leave.abort();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  const say = (text: string): void => void process.stderr.write(`${new Date().toISOString()} ${text}\n`);
  try {
    const options = agentOptions(process.argv.slice(2), process.env);
    return await runAgent({ ...options, leave: leave.signal, leaveAtOnce: leaveAtOnce.signal, say });
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return 2;
  }
}

// Keep-alive connections and timers that wait for nothing must not hold a finished agent.
if (import.meta.main) {
  keepHeapSmall();
  process.exit(await main());
}
