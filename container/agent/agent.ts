// The life of an agent: register, take leases one after the other, hear orders, leave.
import { mkdirSync, realpathSync } from "node:fs";
import { rm } from "node:fs/promises";
import { availableParallelism, hostname } from "node:os";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import { createClient } from "../../broker/contract/client.ts";
import type { Lease, Order, RegisterWorker } from "../../broker/contract/worker.ts";
import { createBackoff, hasCode, isPassing, REQUEST_LIMIT_MS } from "./backoff.ts";
import { findBlenders } from "./blender/discover.ts";
import { measureMachine, workerName } from "./capabilities.ts";
import { clearLeftovers, clearOwned, ownFolder, ownStaging } from "./leftovers.ts";
import { followOrders } from "./orders.ts";
import { createPreviewMaker } from "./previews/make-preview.ts";
import { createPreviews } from "./previews/previews.ts";
import { platform } from "./platform/platform.ts";
import { replaySpool } from "./replay.ts";
import { createScriptCache, startLease, type LeaseRun } from "./run-lease.ts";
import { createSessionKeeper } from "./session-keeper.ts";
import { createSpool } from "./spool.ts";

const WARM_MS = 60_000;
/** An idle agent looks so often whether Blenders were installed or removed. */
const LOOK_MS = 5_000;
const AWAKE_AFTER_WORK_MS = 15_000;
const THREADS_LEFT_FREE = 2;
/** An agent that was told to leave waits at most so long for a broker that does not answer. */
const LEAVE_LIMIT_MS = 4000;
const PREVIEWS_LIMIT_MS = 20_000;
/** An idle agent that a launcher started does not outlive its broker for longer. */
const ORPHAN_LIMIT_MS = 5 * 60_000;

export interface AgentOptions {
  url: string;
  token: string;
  /** Folder of sessions, unsent reports and downloaded files; private to this user. Several agents may share it. */
  work: string;
  /**
   * Folder below which results of a lease are written, `<staging>/<lease id>/`, when the broker sees it too. Default: a
   * folder in `work`, from where results are sent.
   */
  staging?: string;
  /** The broker's blob folder, when this machine sees it. */
  blobs?: string;
  /** Most that input files which nobody uses now may take on this disk, bytes. Default: see `defaultCacheBytes`. */
  cacheBytes?: number;
  pool?: string;
  name?: string;
  launchId?: string;
  /** Paths of Blenders from the config, preferred to those that are found. */
  blenders?: readonly string[];
  /** A warm session without work is ended after this time, ms; it holds memory that the artist may want. Default: a minute. */
  warmMs?: number;
  /** One that finishes and leaves makes the previews of its frames for at most so long, ms. Default: 20 seconds. */
  previewsLimitMs?: number;
  /** First abort: stop, give back, leave. */
  leave?: AbortSignal;
  /** Aborted: kill everything and go at once. */
  leaveAtOnce?: AbortSignal;
  /** One line about the agent itself. */
  say?: (text: string) => void;
}

interface Registration {
  workerId: string;
  renewEveryMs: number;
  idleExitMs: number | null;
}

/** Runs an agent until it is told to leave, is idle for too long or is refused. @returns the exit code. */
export async function runAgent(options: AgentOptions): Promise<number> {
  const say = options.say ?? (() => {});
  mkdirSync(options.work, { recursive: true, mode: 0o700 });
  const work = realpathSync(options.work);
  const staging = options.staging ?? ownStaging(work);
  mkdirSync(staging, { recursive: true, mode: 0o700 });
  const client = createClient(options.url, options.token);
  const spool = createSpool(work);
  const gone = new AbortController();
  const pool = options.pool ?? "local";
  const guest = pool === "local";
  const warmMs = options.warmMs ?? WARM_MS;

  const cleared = clearLeftovers(work);
  // On the disk of the results, so that keeping one for its preview costs nothing.
  const previewFolder = options.staging === undefined ? join(staging, "previews") : ownFolder(staging);
  if (options.staging !== undefined) void clearOwned(staging);
  const [machine, blenders] = await Promise.all([
    measureMachine(work),
    findBlenders({ config: { blenders: options.blenders ?? [] }, env: process.env }).catch(() => []),
  ]);
  const about: RegisterWorker = {
    name: options.name ?? workerName(hostname()),
    ...(options.launchId !== undefined && { launchId: options.launchId }),
    pool,
    agentVersion: manifest.version,
    ...machine,
    blenders,
  };

  async function hasOtherBlenders(): Promise<boolean> {
    const now = await findBlenders({
      config: { blenders: options.blenders ?? [] },
      env: process.env,
    }).catch(() => blenders);
    return JSON.stringify(now) !== JSON.stringify(blenders);
  }

  async function register(): Promise<Registration> {
    const backoff = createBackoff();
    for (;;) {
      try {
        return await client.call<Registration>("post", "/v1/workers", {
          body: about,
          signal: AbortSignal.any([gone.signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]),
        });
      } catch (error) {
        if (!isPassing(error)) throw error;
        await backoff.wait(AbortSignal.any([gone.signal, ...(options.leave ? [options.leave] : [])]));
      }
    }
  }
  let registered: Registration;
  try {
    registered = await register();
  } catch (error) {
    if (options.leave?.aborted !== true) say(`The broker did not take this worker: ${words(error)}`);
    return options.leave?.aborted === true ? 0 : 1;
  }
  say(`registered in ${Math.round(process.uptime() * 1000)} ms`);

  const keeper = createSessionKeeper({
    client,
    work,
    blobs: options.blobs,
    cacheBytes: options.cacheBytes,
    blenders,
    lowPriority: guest,
    threads: guest ? guestThreads(availableParallelism()) : undefined,
  });
  const previews = createPreviews({
    client,
    maker: createPreviewMaker(blenders, process.env, previewFolder),
    folder: previewFolder,
    say,
  });
  const scripts = createScriptCache();
  let run: LeaseRun | undefined;
  let leaving = false;
  let draining = false;
  let paused = false;
  let exitCode = 0;
  let lastContact = performance.now();
  let idleSince = performance.now();
  let wake = Promise.withResolvers<void>();
  let offered = true;
  let standing: Order[] = [];

  function nudge(): void {
    wake.resolve();
    wake = Promise.withResolvers();
  }

  function obey(orders: Order[]): void {
    draining = orders.some(({ kind }) => kind === "drain");
    const isPaused = orders.some(({ kind }) => kind === "pause");
    // However long it was paused: it has its time to be idle from now on.
    if (paused && !isPaused) idleSince = performance.now();
    paused = isPaused;
    offered ||= orders.some(({ kind }) => kind === "lease-available");
    standing = orders;
    heed();
    nudge();
  }

  /** Orders say what is true, and may be here before the lease that they are about. */
  function heed(): void {
    for (const order of standing) {
      if (order.kind === "stop-lease" && order.leaseId === run?.leaseId) run.stop();
      if (order.kind === "finish-frame" && order.leaseId === run?.leaseId) run.finishFrame();
    }
  }

  const departing = new AbortController();
  function leave(): void {
    leaving = true;
    departing.abort();
    // Also of one that was about to go and still made them.
    void previews.close(0);
    run?.release();
    // The broker may be away: what is unsaid then stays in the spool, for the next agent to say.
    setTimeout(() => run?.abandon(), LEAVE_LIMIT_MS).unref();
    nudge();
  }
  function leaveAtOnce(): void {
    leaving = true;
    void previews.close(0);
    run?.abandon();
    void keeper.abandon();
    gone.abort();
    nudge();
  }
  options.leave?.addEventListener("abort", leave);
  options.leaveAtOnce?.addEventListener("abort", leaveAtOnce);
  if (options.leave?.aborted) leave();

  const following = followOrders(
    client,
    () => registered.workerId,
    {
      onOrders: obey,
      async onForgotten() {
        const again = await register().catch(() => undefined);
        if (again !== undefined) registered = again;
      },
      onRefused(reason) {
        say(`The broker refuses this worker: ${reason}`);
        exitCode = 1;
        leaveAtOnce();
      },
      onContact: () => {
        lastContact = performance.now();
      },
    },
    gone.signal,
  );
  const replaying = cleared.then(() => replaySpool(client, work, spool, gone.signal));

  const host = {
    client,
    spool,
    keeper,
    staging,
    sharesDisk: options.staging !== undefined,
    scripts,
    previews,
    get renewEveryMs() {
      return registered.renewEveryMs;
    },
    wantsMore: () => !leaving && !draining && !paused,
  };

  async function ask(): Promise<Lease | null> {
    offered = false;
    try {
      const path = `/v1/workers/${registered.workerId}/leases`;
      const limit = AbortSignal.any([gone.signal, departing.signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]);
      return (await client.call<{ lease: Lease | null }>("post", path, { signal: limit })).lease;
    } catch (error) {
      // The broker is away, or does not know us: the request for orders notices too and mends it.
      offered = isPassing(error) || hasCode(error, "not-found", "conflict");
      if (offered && !leaving)
        await asking.wait(AbortSignal.any([gone.signal, departing.signal])).catch(() => {});
      return null;
    }
  }
  const asking = createBackoff();

  const stayAwake = createWakefulness();
  let next: Lease | null = null;
  while (!leaving) {
    if (next === null && !draining && !paused && offered) {
      next = await ask();
      if (next === null) continue;
    }
    if (next === null) {
      if (draining) break;
      // Whoever leaves takes what waits for its preview along.
      const stays = paused || previews.waiting > 0;
      const limit = idleLimit(registered, options, stays, performance.now() - lastContact);
      const idle = performance.now() - idleSince;
      if (idle >= limit) break;
      await withLimit(wake.promise, Math.min(limit - idle, idle < warmMs ? warmMs - idle : warmMs, LOOK_MS));
      // Its launcher starts another one where there is work, and that one tells what is here now.
      if (options.launchId !== undefined && !offered && !paused && (await hasOtherBlenders())) break;
      if (performance.now() - idleSince >= warmMs) await keeper.end();
      continue;
    }
    asking.reset();
    stayAwake.busy();
    run = startLease(host, next);
    heed();
    const end = await run.end;
    run = undefined;
    next = typeof end === "string" ? null : end.next;
    // A lost lease says nothing about other work.
    if (typeof end === "string") offered = true;
    idleSince = performance.now();
    if (next === null) stayAwake.idle();
  }

  await keeper.end();
  stayAwake.stop();
  if (!gone.signal.aborted) {
    const limit = AbortSignal.timeout(LEAVE_LIMIT_MS);
    await client.call("delete", `/v1/workers/${registered.workerId}`, { signal: limit }).catch(() => {});
  }
  gone.abort();
  await Promise.allSettled([following, replaying]);
  // The broker counts on this worker no longer, and takes its previews all the same.
  await previews.close(leaving ? 0 : (options.previewsLimitMs ?? PREVIEWS_LIMIT_MS));
  if (options.staging === undefined) await rm(staging, { recursive: true, force: true }).catch(() => {});
  spool.close();
  return exitCode;
}

/** How long this agent may be idle, ms. `stays`: it has a reason, such as a worker that is to be found where it was paused. */
function idleLimit(
  registered: Registration,
  options: AgentOptions,
  stays: boolean,
  silentMs: number,
): number {
  const own = stays ? Number.POSITIVE_INFINITY : (registered.idleExitMs ?? Number.POSITIVE_INFINITY);
  return options.launchId !== undefined && silentMs > ORPHAN_LIMIT_MS ? 0 : own;
}

/** Waits for a promise, at most so long. */
async function withLimit(promise: Promise<void>, ms: number): Promise<void> {
  const limit = Promise.withResolvers<void>();
  const timer = setTimeout(limit.resolve, ms);
  await Promise.race([promise, limit.promise]);
  clearTimeout(timer);
}

/** Keeps the machine awake from the first lease until a little after the last. */
function createWakefulness(): { busy: () => void; idle: () => void; stop: () => void } {
  let release: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    clearTimeout(timer);
    release?.();
    release = undefined;
  };
  return {
    stop,
    busy() {
      clearTimeout(timer);
      if (release !== undefined) return;
      let wanted = true;
      release = () => {
        wanted = false;
      };
      // Not before the first frame has started: that one should not wait for it.
      setImmediate(() => {
        if (wanted) release = platform.keepAwake("Tally renders");
      });
    },
    idle() {
      clearTimeout(timer);
      timer = setTimeout(stop, AWAKE_AFTER_WORK_MS).unref();
    },
  };
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Threads for a guest: two are left free, but never more than half of a small machine. */
function guestThreads(processors: number): number {
  return Math.max(processors - THREADS_LEFT_FREE, Math.ceil(processors / 2));
}
