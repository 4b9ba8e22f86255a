// Keeps the one session of a worker warm between leases that may share it, and ends it in time.
import { createHash, randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "../../broker/contract/client.ts";
import type { Lease, LeaseInputs, RegisterWorker, StepScript } from "../../broker/contract/worker.ts";
import type { PathMappingRule } from "../../broker/openjd/path-mapping.ts";
import { sessionsFolder } from "./leftovers.ts";
import type { SessionFiles } from "./session-files.ts";
import { createSession, type ActionNews, type Session } from "./session/session.ts";
import { sessionEnvironment, toolVariables } from "./session/tools.ts";

export interface KeeperOptions {
  client: Client;
  work: string;
  blobs: string | undefined;
  /** Most that unused input files may take on this machine, bytes; undefined: a share of the disk. */
  cacheBytes: number | undefined;
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

export interface KeptSession {
  session: Session;
  /** No environment was entered yet. */
  fresh: boolean;
  /** Undefined when its steps have no files. */
  files: SessionFiles | undefined;
}

export interface SessionKeeper {
  /**
   * The session for a lease, its step's input files laid out: the warm one when the lease may share it, else a new one;
   * the old one is ended first.
   * @throws Error with one sentence when the folder or an input file cannot be made.
   */
  take(
    lease: Lease,
    script: StepScript,
    listener: SessionListener,
    signal: AbortSignal,
  ): Promise<KeptSession>;
  /** Ends the session, if there is one: leaves its environments, removes its folder. */
  end(): Promise<void>;
  /** Kills it at once. */
  abandon(): Promise<void>;
}

interface Warm {
  key: string;
  session: Session;
  files: SessionFiles | undefined;
}

export function createSessionKeeper(options: KeeperOptions): SessionKeeper {
  let warm: Warm | undefined;
  let listener: SessionListener | undefined;
  let count = 0;
  // Most steps of a farm have files; a worker without any does not read these parts.
  let parts: Promise<FileParts> | undefined;

  async function end(): Promise<void> {
    const ending = warm;
    warm = undefined;
    await ending?.session.end();
    await ending?.files?.release();
  }

  async function make(key: string, script: StepScript, take: TakeFiles): Promise<Warm> {
    const folder = join(sessionsFolder(options.work), `${process.pid}-${(count += 1)}`);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true, mode: 0o700 });
    let files: SessionFiles | undefined;
    try {
      files = await take.prepare?.(folder);
      return { key, files, session: open(folder, script, files?.rules ?? []) };
    } catch (error) {
      await files?.release();
      await rm(folder, { recursive: true, force: true }).catch(() => {});
      throw error;
    }
  }

  function open(folder: string, script: StepScript, pathMappingRules: readonly PathMappingRule[]): Session {
    return createSession({
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
  }

  return {
    end,
    async abandon() {
      const ending = warm;
      warm = undefined;
      await ending?.session.abandon();
      await ending?.files?.release();
    },
    async take(lease, script, newListener, signal) {
      const { manifest, outputs, upstream, sharedRoots } = script;
      const hasFiles = manifest !== null || outputs.length > 0 || upstream || sharedRoots.length > 0;
      const say = (line: string): void => {
        newListener.onLine(line);
        newListener.onNews({ kind: "status", text: line.replace(/^tally: /, "") });
      };
      const loaded = hasFiles ? await (parts ??= loadParts(options)) : undefined;
      const results = upstream ? await loaded?.list({ lease, say, signal }) : undefined;
      // Other results of earlier steps than those that lie there: a session of its own.
      const key = [lease.sessionKey, digestOf(results ?? [])].join(" ");
      if (warm !== undefined && (warm.key !== key || warm.session.broken)) {
        listener = undefined;
        await end();
      }
      listener = newListener;
      const about = { lease, script, upstream: results ?? [], say, signal };
      if (warm !== undefined) {
        await warm.files?.extend(about);
        return { ...warm, fresh: false };
      }
      warm = await make(key, script, {
        signal,
        prepare: loaded && ((folder) => loaded.prepare(folder, about)),
      });
      return { ...warm, fresh: true };
    },
  };
}

interface TakeFiles {
  signal: AbortSignal;
  prepare: ((folder: string) => Promise<SessionFiles>) | undefined;
}

type AboutFiles = Parameters<SessionFiles["extend"]>[0];

interface FileParts {
  list(about: Pick<AboutFiles, "lease" | "say" | "signal">): Promise<LeaseInputs["items"]>;
  prepare(folder: string, about: AboutFiles): Promise<SessionFiles>;
}

async function loadParts({ work, client, blobs, cacheBytes }: KeeperOptions): Promise<FileParts> {
  const [{ prepareFiles, listUpstream }, { openCache, defaultCacheBytes }] = await Promise.all([
    import("./session-files.ts"),
    import("./files/cache.ts"),
  ]);
  const cache = openCache(join(work, "cache"), cacheBytes ?? defaultCacheBytes(work));
  const host = { client, cache, blobs, notes: join(work, "cache", "checked") };
  return {
    list: (about) => listUpstream(client, about),
    prepare: (folder, about) => prepareFiles(folder, host, about),
  };
}

function digestOf(items: LeaseInputs["items"]): string {
  const hash = createHash("sha256");
  for (const { name, sha256, executable } of items)
    hash.update(`${name}\0${sha256}\0${executable === true}\n`);
  return hash.digest("hex");
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
