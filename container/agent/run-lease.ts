// One lease from beginning to end: session, environments, the action, reports, log, renewals, and every way to stop it.
import { mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "../../broker/contract/client.ts";
import type { Lease, StepScript as WireScript } from "../../broker/contract/worker.ts";
import type { Environment, StepScript, TaskParameterValue } from "../../broker/openjd/types.ts";
import { createBackoff, hasCode, isPassing, REQUEST_LIMIT_MS } from "./backoff.ts";
import { createLeaseLog } from "./lease-log.ts";
import { createReporter, type LeaseEnd } from "./reporter.ts";
import { AWAY_LIMIT_MS, createResults } from "./results.ts";
import type { Previews } from "./previews/previews.ts";
import type { SessionFiles } from "./session-files.ts";
import type { Session } from "./session/session.ts";
import type { SessionKeeper } from "./session-keeper.ts";
import type { Spool } from "./spool.ts";
import { createTracker } from "./tracker.ts";
import { classOf, NO_INPUT } from "./trouble.ts";

/** Progress is passed on at most so often. */
const PROGRESS_EVERY_MS = 1000;
const MAX_TIMER_MS = 2 ** 31 - 1;

export interface LeaseHost {
  client: Client;
  spool: Spool;
  keeper: SessionKeeper;
  staging: string;
  /** Whether the broker sees that folder; else results are sent. */
  sharesDisk: boolean;
  renewEveryMs: number;
  scripts: ScriptCache;
  previews: Previews;
  /** Whether the worker takes more work after this lease. */
  wantsMore: () => boolean;
}

export interface LeaseRun {
  readonly leaseId: string;
  /** The broker says: stop now. Open tasks are canceled. */
  stop(): void;
  /** The broker says: stop after the frame in work. */
  finishFrame(): void;
  /** This worker goes: stop now, open tasks go back. */
  release(): void;
  /** Kill at once and say nothing more. */
  abandon(): void;
  readonly end: Promise<LeaseEnd>;
}

/** Remembers step scripts, which never change, and which steps report frame by frame. */
export interface ScriptCache {
  get(client: Client, lease: Lease, signal: AbortSignal): Promise<WireScript>;
  framesOf(lease: Lease): boolean | undefined;
  setFrames(lease: Lease, seen: boolean): void;
}

/** Starts a lease. `end` never rejects. */
export function startLease(host: LeaseHost, lease: Lease): LeaseRun {
  const over = new AbortController();
  const leaseFolder = join(host.staging, lease.leaseId);
  const target = { client: host.client, leaseId: lease.leaseId, token: lease.token, signal: over.signal };
  const log = createLeaseLog(target, host.spool.logFile(lease.leaseId));
  let lastContact = performance.now();
  let stopped: "canceled" | "released" | undefined;
  let cutShort = false;
  let session: Session | undefined;
  let files: SessionFiles | undefined;
  const preparing = new AbortController();

  const reporter = createReporter({
    client: host.client,
    spool: host.spool,
    lease: { leaseId: lease.leaseId, token: lease.token },
    log,
    onLost: () => drop("lost"),
    onContact: () => {
      lastContact = performance.now();
    },
    onAccepted: (items) => host.previews.release(items.map(({ ordinal }) => attemptOf(ordinal))),
    signal: over.signal,
  });
  const attempts = new Map(lease.tasks.map(({ ordinal, attemptId }) => [ordinal, attemptId]));
  const attemptOf = (ordinal: number): string => attempts.get(ordinal) ?? "";
  const results = createResults({
    client: host.client,
    lease,
    folder: leaseFolder,
    sharesDisk: host.sharesDisk,
    session: () =>
      session && {
        folder: session.folder,
        collector: files?.collector,
        homeOf: (path) => files?.homeOf(path) ?? path,
      },
    hold: (of, made, look) => host.previews.hold(lease, attemptOf(of), made, look),
    say: (line) => log.append(line),
    signal: over.signal,
  });
  const tracker = createTracker(lease, log, results, (...items) => reporter.add(...items), progressSoon);

  let dropped: "lost" | "given-up" | undefined;
  function drop(why: "lost" | "given-up"): void {
    dropped ??= why;
    over.abort();
    void host.keeper.abandon();
  }

  let lastRenewal = performance.now();
  let renewing = false;
  let soon: NodeJS.Timeout | undefined;
  function progressSoon(): void {
    soon ??= setTimeout(
      () => void renew(),
      Math.max(0, PROGRESS_EVERY_MS - (performance.now() - lastRenewal)),
    );
  }
  async function renew(): Promise<void> {
    clearTimeout(soon);
    soon = undefined;
    if (renewing || over.signal.aborted) return;
    renewing = true;
    lastRenewal = performance.now();
    try {
      await host.client.call("post", `/v1/leases/${lease.leaseId}/renew`, {
        body: { token: lease.token, progress: tracker.takeProgress() },
        signal: AbortSignal.any([over.signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]),
      });
      lastContact = performance.now();
    } catch (error) {
      // After the last report the lease is closed, and a renewal that was under way may hear so.
      if (hasCode(error, "lease-lost") && !finishing && !over.signal.aborted) drop("lost");
    } finally {
      renewing = false;
    }
    if (performance.now() - lastContact > AWAY_LIMIT_MS) drop("given-up");
  }
  const heartbeat = setInterval(() => void renew(), host.renewEveryMs);
  let finishing = false;

  async function perform(): Promise<void> {
    let script: WireScript;
    try {
      script = await host.scripts.get(host.client, lease, over.signal);
    } catch (error) {
      return tracker.notStarted(sentence(error), "host");
    }
    const listener = {
      onLine: (line: string) => log.append(line),
      onNews: tracker.news.bind(tracker),
    };
    let fresh: boolean;
    try {
      mkdirSync(leaseFolder, { recursive: true, mode: 0o700 });
      const signal = AbortSignal.any([over.signal, preparing.signal]);
      ({ session, fresh, files } = await host.keeper.take(lease, script, listener, signal));
    } catch (error) {
      if (stopped !== undefined) return;
      return tracker.notStarted(sentence(error), classOf(error, "host"));
    }
    // Stopped while it was made: without its environments nobody may use it.
    if (stopped !== undefined || over.signal.aborted) return await session.cancel();
    const variables = { TALLY_LEASE_DIR: leaseFolder };
    if (fresh) {
      for (const environment of script.environments as Environment[]) {
        if (stopped !== undefined || over.signal.aborted) return;
        const result = await session.enter(environment, variables);
        if (result.state === "succeeded") continue;
        // Read where it lies, on the broker's own machine, a file is gone for every try; elsewhere a folder that all
        // machines share may just not be there on this one.
        const isGone = result.exitCode === NO_INPUT && script.filesInPlace && script.manifest === null;
        if (stopped === undefined)
          tracker.notStarted(
            result.reason ?? "An environment could not be entered.",
            isGone ? "config" : "task",
          );
        return;
      }
    }
    if (stopped !== undefined || over.signal.aborted) return;
    const parameters = lease.actionParameters as Record<string, TaskParameterValue>;
    const running = session.runTask(script.script as StepScript, parameters, variables);
    tracker.actionStarted(host.scripts.framesOf(lease));
    const limit = limitAction(session, script.frameTimeoutSeconds);
    const result = await running;
    clearTimeout(limit.timer);
    host.scripts.setFrames(lease, tracker.framesSeen);
    if (stopped === undefined) tracker.actionEnded(result, cutShort);
  }

  /** A driver watches its frames itself; a command that reports no frames gets the time of all of them together. */
  function limitAction(session: Session, frameSeconds: number | null): { timer: NodeJS.Timeout | undefined } {
    const limit: { timer: NodeJS.Timeout | undefined } = { timer: undefined };
    if (frameSeconds === null) return limit;
    const limitSeconds = frameSeconds * lease.tasks.length;
    limit.timer = setTimeout(
      () => {
        if (!tracker.framesSeen) void session.cancel({ why: "timeout", limitSeconds, everything: true });
      },
      Math.min(limitSeconds * 1000, MAX_TIMER_MS),
    );
    return limit;
  }

  async function wholeLease(): Promise<LeaseEnd> {
    await perform();
    if (stopped !== undefined) tracker.close(stopped);
    // What failed or was stopped is told now; leaving its environments may take a while.
    await tracker.gathered();
    if (session?.broken === true && !over.signal.aborted) await host.keeper.end();
    await tracker.settled();
    finishing = true;
    const answer = await reporter.finish(host.wantsMore());
    const end = dropped ?? answer;
    clearInterval(heartbeat);
    clearTimeout(soon);
    over.abort();
    log.close(end === "given-up");
    if (end === "lost") host.spool.forget(lease.leaseId);
    host.previews.drop([...attempts.values()]);
    // The broker fetches the files of frames from here and removes the folder itself.
    if (!results.staged) void rm(leaseFolder, { recursive: true, force: true }).catch(() => {});
    return end;
  }

  function halt(how: "canceled" | "released"): void {
    if (stopped !== undefined || finishing) return;
    stopped = how;
    preparing.abort();
    void session?.cancel({ everything: true });
  }

  return {
    leaseId: lease.leaseId,
    stop: () => halt("canceled"),
    release: () => halt("released"),
    finishFrame() {
      cutShort = true;
      try {
        mkdirSync(leaseFolder, { recursive: true, mode: 0o700 });
        writeFileSync(join(leaseFolder, "stop-after-frame"), "");
      } catch {
        // The lease then simply runs to its end.
      }
    },
    abandon: () => drop("given-up"),
    end: wholeLease().catch(async (error: unknown) => {
      // A mistake of ours must not leave a lease that is renewed for ever.
      clearInterval(heartbeat);
      tracker.notStarted(`The worker made a mistake: ${sentence(error)}`, "host");
      const end = await reporter.finish(false);
      host.previews.drop([...attempts.values()]);
      return end;
    }),
  };
}

/** Keeps the scripts of the last steps. */
export function createScriptCache(): ScriptCache {
  const scripts = new Map<string, WireScript>();
  const frames = new Map<string, boolean>();
  const keyOf = (lease: Lease): string => `${lease.jobId}/${lease.stepIndex}`;
  return {
    async get(client, lease, signal) {
      const key = keyOf(lease);
      const backoff = createBackoff();
      for (;;) {
        const known = scripts.get(key);
        if (known !== undefined) return known;
        try {
          const path = `/v1/jobs/${lease.jobId}/steps/${lease.stepIndex}/script`;
          const limit = AbortSignal.any([signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]);
          scripts.set(key, await client.call<WireScript>("get", path, { signal: limit }));
          const oldest = scripts.size > 50 ? scripts.keys().next().value : undefined;
          if (oldest !== undefined) scripts.delete(oldest);
        } catch (error) {
          if (signal.aborted || !isPassing(error)) throw error;
          await backoff.wait(signal);
        }
      }
    },
    framesOf: (lease) => frames.get(keyOf(lease)),
    setFrames(lease, seen) {
      if (frames.size > 1000) frames.clear();
      frames.set(keyOf(lease), seen);
    },
  };
}

function sentence(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
