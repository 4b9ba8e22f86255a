// Keeps the one session of a worker warm between leases that may share it, and ends it in time.
import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "../../broker/contract/client.ts";
import type { Lease, RegisterWorker, StepScript } from "../../broker/contract/worker.ts";
import { placeAssets } from "./assets.ts";
import { sessionsFolder } from "./leftovers.ts";
import { createSession, type ActionNews, type Session } from "./session/session.ts";
import { sessionEnvironment, toolVariables } from "./session/tools.ts";

export interface KeeperOptions {
  client: Client;
  work: string;
  blobs: string | undefined;
  blenders: NonNullable<RegisterWorker["blenders"]>;
  lowPriority: boolean;
  /** Threads that a render may use; undefined: all. */
  threads: number | undefined;
}

/** Who hears a session now: the lease that uses it. */
export interface SessionListener {
  onLine: (line: string) => void;
  onNews: (news: ActionNews) => void;
}

export interface SessionKeeper {
  /**
   * The session for a lease: the warm one when it may share it, else a new one; the old one is ended first.
   * `fresh` sessions have no environment entered yet.
   * @throws Error with one sentence when the folder or an input file cannot be made.
   */
  take(
    lease: Lease,
    script: StepScript,
    listener: SessionListener,
    signal: AbortSignal,
  ): Promise<{ session: Session; fresh: boolean }>;
  /** Ends the session, if there is one: leaves its environments, removes its folder. */
  end(): Promise<void>;
  /** Kills it at once. */
  abandon(): Promise<void>;
}

export function createSessionKeeper(options: KeeperOptions): SessionKeeper {
  let warm: { key: string; session: Session } | undefined;
  let listener: SessionListener | undefined;
  let count = 0;

  async function end(): Promise<void> {
    const ending = warm;
    warm = undefined;
    await ending?.session.end();
  }

  return {
    end,
    async abandon() {
      const ending = warm;
      warm = undefined;
      await ending?.session.abandon();
    },
    async take(lease, script, newListener, signal) {
      if (warm !== undefined && (warm.key !== lease.sessionKey || warm.session.broken)) {
        listener = undefined;
        await end();
      }
      listener = newListener;
      if (warm !== undefined) return { session: warm.session, fresh: false };
      const folder = join(sessionsFolder(options.work), `${process.pid}-${(count += 1)}`);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const cache = join(options.work, "cache");
      const source = { client: options.client, blobs: options.blobs, cache, signal };
      const pathMappingRules = await placeAssets(script.assets, join(folder, "assets"), source);
      const session = createSession({
        id: randomUUID(),
        folder,
        parameters: script.parameters,
        pathMappingRules,
        baseEnvironment: sessionEnvironment(process.env),
        fixedVariables: { ...toolVariables, ...variablesOf(script, options) },
        redactedVariables: script.extensions.includes("REDACTED_ENV_VARS"),
        lowPriority: options.lowPriority,
        onLine: (line) => listener?.onLine(line),
        onNews: (news) => listener?.onNews(news),
      });
      warm = { key: lease.sessionKey, session };
      return { session, fresh: true };
    },
  };
}

function variablesOf(script: StepScript, options: KeeperOptions): Record<string, string> {
  const variables: Record<string, string> = {};
  if (script.blenderSeries !== null) {
    const install = options.blenders.find(({ series }) => series === script.blenderSeries);
    if (install === undefined) {
      throw new Error(
        `This worker has no Blender ${script.blenderSeries}. Install it there with: tally blender install ${script.blenderSeries}`,
      );
    }
    variables.TALLY_BLENDER = install.path;
  }
  if (script.frameTimeoutSeconds !== null) variables.TALLY_FRAME_TIMEOUT = String(script.frameTimeoutSeconds);
  if (options.threads !== undefined) variables.TALLY_THREADS = String(options.threads);
  return variables;
}
