// The files of one session: its inputs laid out in a mirror, the rules that lead there, and what its tasks write.
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Client } from "../../broker/contract/client.ts";
import type { Manifest } from "../../broker/contract/manifest.ts";
import type { Lease, LeaseInputs, StepScript } from "../../broker/contract/worker.ts";
import type { PathMappingRule } from "../../broker/openjd/path-mapping.ts";
import { createBackoff, hasCode, isPassing, REQUEST_LIMIT_MS } from "./backoff.ts";
import { openBlobFolder } from "./files/blob-folder.ts";
import type { ContentCache } from "./files/cache.ts";
import { createCollector, type Collector } from "./files/collect.ts";
import { fetchBlobs } from "./files/download.ts";
import { layOut, sharedRules, type Layout } from "./files/layout.ts";
import { formatOf, homePath, namesBelow } from "./files/mirror.ts";
import { checkShared, placeFiles, readManifest, wantedOf, type Source } from "./files/place.ts";
import { platform } from "./platform/platform.ts";
import { AWAY_LIMIT_MS, TELL_AFTER_MS } from "./results.ts";

/** A page of results of earlier steps. */
const PAGE = 1000;

export interface FilesHost {
  client: Client;
  cache: ContentCache;
  /** Where it is noted which of the broker's blobs were read whole on this machine. */
  notes: string;
  blobs: string | undefined;
}

/** What a lease brings to its session's files. */
export interface FilesLease {
  lease: Pick<Lease, "leaseId" | "token">;
  script: StepScript;
  /** Results of earlier steps, as `listUpstream` found them. */
  upstream: LeaseInputs["items"];
  say: (line: string) => void;
  signal: AbortSignal;
}

export interface SessionFiles {
  readonly rules: readonly PathMappingRule[];
  /** Finds what tasks write; undefined when there is no place to look at. */
  readonly collector: Collector | undefined;
  /** The path at home that a path below the mirror stands for; any other as it is. */
  homeOf(path: string): string;
  /** Brings what another step of the same job needs besides. Throws Error with one sentence. */
  extend(next: FilesLease): Promise<void>;
  /** The session is over: its inputs may leave the cache. */
  release(): Promise<void>;
}

/** Lays the files of a lease's step out below `<folder>/files`. Throws Error with one sentence. */
export async function prepareFiles(
  folder: string,
  host: FilesHost,
  first: FilesLease,
): Promise<SessionFiles> {
  const root = join(folder, "files");
  await mkdir(root, { recursive: true, mode: 0o700 });
  const hold = host.cache.hold();
  const placed = new Set<string>();
  const linked = new Set<string>();
  const done = new Set<string>();
  let manifest: Manifest | null = null;
  let layout: Layout;

  async function bring({ script, upstream, lease, say, signal }: FilesLease): Promise<void> {
    const source = sourceOf(host, { lease, say, signal }, hold);
    const { needs } = script;
    if (manifest !== null) {
      const rules = sharedRules(script.sharedRoots, platform.osFamily);
      if (manifest.shared.length > 0) await checkShared(manifest, needs, rules);
    }
    const wanted = wantedOf(manifest, upstream, needs, layout);
    for (const sha256 of await placeFiles(root, wanted, placed, source)) linked.add(sha256);
    await hold.keepOnly(linked);
    done.add(needs.toSorted().join("\n"));
  }

  try {
    const { script } = first;
    if (script.manifest !== null) {
      manifest = await readManifest(script.manifest, sourceOf(host, first, hold));
    }
    layout = layOut({
      root,
      script,
      manifest,
      upstream: first.upstream.map(({ name }) => name),
      osFamily: platform.osFamily,
      exists: existsSync,
    });
    for (const note of layout.notes) first.say(`tally: ${note}`);
    await bring(first);
    const { watched, rules } = layout;
    const collector = watched.length > 0 ? createCollector(root, watched) : undefined;
    await collector?.begin();
    return {
      rules,
      collector,
      homeOf(path) {
        const names = namesBelow(root, path);
        if (names === null || names.length === 0) return path;
        const at = watched.find((it) => path.startsWith(it.path));
        return homePath(names, at?.format ?? manifest?.format ?? formatOf(path));
      },
      async extend(next) {
        if (done.has(next.script.needs.toSorted().join("\n"))) return;
        await bring(next);
        await collector?.begin();
      },
      release: () => hold.release(),
    };
  } catch (error) {
    await hold.release();
    throw error;
  }
}

function sourceOf(
  host: FilesHost,
  { lease, say, signal }: Pick<FilesLease, "lease" | "say" | "signal">,
  hold: Source["hold"],
): Source {
  const { client } = host;
  const headers = { "tally-lease": lease.leaseId, "tally-lease-token": lease.token };
  return {
    hold,
    blobs:
      host.blobs === undefined
        ? undefined
        : openBlobFolder(host.blobs, host.notes, { client, headers, signal }),
    say,
    signal,
    fetch: (blobs, target, options) =>
      whileAway({ say, signal, what: "Input files wait" }, () =>
        fetchBlobs(client, blobs, target, { headers, signal, giveUpAfterMs: TELL_AFTER_MS, ...options }),
      ),
  };
}

/**
 * The results of the steps that a leased step depends on, in order of their names; waits while one is on its way.
 * Throws ProblemError for a refusal.
 */
export async function listUpstream(
  client: Client,
  { lease, say, signal }: Pick<FilesLease, "lease" | "say" | "signal">,
): Promise<LeaseInputs["items"]> {
  const items: LeaseInputs["items"] = [];
  let after: string | null = null;
  do {
    const page: LeaseInputs = await whileAway({ say, signal, what: "Results of earlier steps" }, () =>
      client.call<LeaseInputs>("get", `/v1/leases/${lease.leaseId}/inputs`, {
        query: { limit: PAGE, ...(after !== null && { after }) },
        headers: { "tally-lease-token": lease.token },
        signal: AbortSignal.any([signal, AbortSignal.timeout(REQUEST_LIMIT_MS)]),
      }),
    );
    items.push(...page.items);
    after = page.next;
  } while (after !== null);
  return items.toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** Tries again what passes, for as long as a worker may be without its broker; says once why it waits. */
async function whileAway<T>(
  options: { say: (line: string) => void; signal: AbortSignal; what: string },
  act: () => Promise<T>,
): Promise<T> {
  const { say, signal, what } = options;
  const backoff = createBackoff();
  const until = performance.now() + AWAY_LIMIT_MS;
  let told: string | undefined;
  for (;;) {
    try {
      return await act();
    } catch (error) {
      signal.throwIfAborted();
      const busy = hasCode(error, "busy");
      if ((!busy && !isPassing(error)) || performance.now() > until) throw error;
      const why = (error as Error).message;
      if (!busy && why !== told) say(`tally: ${what}: ${why} It goes on as soon as that passes.`);
      told = why;
      await backoff.wait(signal);
    }
  }
}
