// Starts and stops a broker: wiring only.
import { readdirSync, readFileSync, existsSync, mkdirSync } from "node:fs";
import type { Server } from "node:http";
import { basename, join, resolve } from "node:path";
import { createAdaptorServer } from "@hono/node-server";
import { drizzle } from "drizzle-orm/better-sqlite3";
import pino from "pino";
import { clearLeftovers, clearOwned } from "../container/agent/leftovers.ts";
import { readConfig, type Config } from "./config.ts";
import { defaultDataFolder } from "./data-folder.ts";
import { systemClock, type Clock, type Launcher } from "./domain/ports.ts";
import { createFeed, type Feed } from "./feed/feed.ts";
import type { FeedLimits } from "./feed/limits.ts";
import { mountFeed } from "./feed/mount.ts";
import { createPruner } from "./feed/prune.ts";
import { createApp } from "./http/app.ts";
import { identify, loginPath } from "./http/auth.ts";
import { createLocalLauncher } from "./launch/local.ts";
import { openStorage } from "./storage.ts";
import { leaseSecret, ownTokens, writeConnection } from "./secrets.ts";
import { createBroker, defaultLimits, nudge, type Broker, type Limits } from "./service/broker.ts";
import { createCapacityLoop, type CapacityLoop } from "./service/capacity.ts";
import { createCleaner } from "./service/cleaner.ts";
import { createCommitSignal } from "./service/commit-signal.ts";
import { createDeliverer } from "./service/deliver.ts";
import { closeStaleLaunches } from "./service/stale.ts";
import { createLogins } from "./service/logins.ts";
import { createLogs } from "./service/logs.ts";
import { rebuildCandidates } from "./service/offer.ts";
import { recallWorkers } from "./service/register-worker.ts";
import { createSettler, unsettledJobs } from "./service/settle.ts";
import { removeHalfLoaded } from "./service/submit-job.ts";
import { createSweeper, sweepEveryMs } from "./service/sweep.ts";
import { createAuthenticator } from "./service/tokens.ts";
import { createUploads } from "./service/uploads.ts";
import { ensureEpoch } from "./store/feed.ts";
import { openDatabases } from "./store/open.ts";
import { createWriter } from "./store/tx.ts";
import { version } from "./version.ts";

export interface StartOptions {
  dataFolder?: string;
  /** A tally.yaml; default: the one in the data folder, if any. */
  configFile?: string;
  host?: string;
  port?: number;
  /** For tests and benches. */
  clock?: Clock;
  limits?: Partial<Limits>;
  feed?: Partial<FeedLimits>;
  launcher?: Launcher | null;
  /** Where the built page lies; default: beside the program, or in the clone's dist. */
  pageFolder?: string;
}

export interface RunningBroker {
  url: string;
  /** One-time address of the page. */
  loginUrl: string;
  dataFolder: string;
  adminToken: string;
  broker: Broker;
  feed: Feed;
  /** Resolves when somebody asked the broker to stop over HTTP. */
  stopAsked: Promise<void>;
  stop(): Promise<void>;
}

/** The port is taken by another program. */
export class PortTakenError extends Error {}

/** Starts a broker; resolves when it answers. Throws FolderInUseError, PortTakenError, ConfigError with plain sentences. */
export async function startBroker(options: StartOptions = {}): Promise<RunningBroker> {
  const dataFolder = resolve(options.dataFolder ?? defaultDataFolder());
  const config = readConfig(dataFolder, options.configFile);
  const databases = openDatabases(dataFolder, besideProgram("migrations", "store/migrations"));
  const undo = [() => databases.close()];
  try {
    return await startOn(options, dataFolder, config, databases, undo);
  } catch (error) {
    for (const one of undo.toReversed()) one();
    throw error;
  }
}

async function startOn(
  options: StartOptions,
  dataFolder: string,
  config: Config,
  databases: ReturnType<typeof openDatabases>,
  undo: (() => void)[],
): Promise<RunningBroker> {
  const folder = (name: string) => join(dataFolder, name);
  for (const name of ["logs", "staging"]) mkdirSync(folder(name), { recursive: true, mode: 0o700 });
  const log = pino(
    { level: "info" },
    pino.destination({ dest: folder("broker.log"), append: true, mode: 0o600, sync: true }),
  );
  const clock = options.clock ?? systemClock;
  const writer = createWriter(databases.writer, clock);
  const secret = leaseSecret(dataFolder);
  const storage = await openStorage(config.storage, dataFolder, secret);
  const broker = createBroker({
    writer,
    reader: databases.reader,
    blobs: storage.store,
    clock,
    limits: { ...limitsOf(config), ...options.limits },
    secret,
    stagingFolder: folder("staging"),
    logFolder: folder("logs"),
    templates: readTemplates(besideProgram("templates", "../container/templates")),
    pools: new Map(
      Object.entries(config.pools).map(([name, pool]) => [
        name,
        {
          kind: pool.kind,
          launched: pool.kind === "local" && options.launcher !== null ? pool.slots : 0,
        },
      ]),
    ),
    sharedRoots: config.sharedRoots,
  });
  const onError = (error: unknown) => log.error({ err: error }, "unexpected");
  writer.onLost(() => void rebuildCandidates(broker).catch(onError));
  const settler = createSettler(broker, onError);
  const deliverer = createDeliverer(broker, onError);
  const commits = createCommitSignal(writer);
  const tokens = await ownTokens(broker, dataFolder);
  await removeHalfLoaded(broker);
  await recallWorkers(broker);
  await closeStaleLaunches(broker);
  await rebuildCandidates(broker);

  // The command line's own token stays out of browsers.
  const logins = createLogins(clock, (token) => (token === tokens.admin ? tokens.page : token));
  const stopAsked = Promise.withResolvers<void>();
  const loops: CapacityLoop[] = [];
  const db = drizzle(databases.reader);
  const authenticator = createAuthenticator(broker);
  const logs = createLogs(broker, db);
  const app = createApp(
    {
      broker,
      db,
      authenticator,
      uploads: createUploads(broker),
      logins,
      logs,
      info: {
        version,
        startedAt: clock.now(),
        dataFolder,
        databasePath: databases.path,
        blobFolder: storage.folder,
        retention: config.retention,
        schemaVersion: databases.schemaVersion,
        pools: () =>
          Object.entries(config.pools).map(([name, pool]) => ({
            name,
            kind: pool.kind,
            slots: pool.kind === "local" ? pool.slots : 0,
            workers: [...broker.workers.values()].filter((one) => one.capabilities.pool === name).length,
          })),
      },
      nextCommit: commits.next,
      stop: () => stopAsked.resolve(),
    },
    {
      page: {
        folder: options.pageFolder ?? besideProgram("page", "../dist/page"),
        blobOrigin: storage.origin,
        logins,
      },
      isAllowedHost: hostCheck(config, options.host),
      onBug: (error, requestId) => log.error({ err: error, requestId }, "bug"),
      ...(storage.signedDoor && { signedDoor: storage.signedDoor }),
    },
  );
  const feed = createFeed({
    broker,
    db,
    databasePath: databases.path,
    epoch: await writer.write(ensureEpoch),
    version,
    lengthOf: logs.lengthOf,
    onError,
    ...(options.feed && { limits: options.feed }),
  });
  undo.push(() => void feed.close());
  mountFeed(app, feed, (c) => identify(c, authenticator));
  const server = createAdaptorServer({
    fetch: app.fetch,
    overrideGlobalObjects: false,
    websocket: { server: feed.sockets },
    // Other upgrades that a client offers (curl --http2) are not taken up: it is answered as if it had not asked.
    serverOptions: { shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket" },
  }) as Server;
  server.requestTimeout = 3_600_000;
  server.keepAliveTimeout = 65_000;
  const url = await listen(server, options.host ?? config.listen.host, options.port ?? config.listen.port);
  // Else a broker that could not start would keep its port, and answer everybody that it made a mistake.
  undo.push(() => {
    server.close();
    server.closeAllConnections();
  });
  writeConnection(dataFolder, { url, token: tokens.admin, pid: process.pid });
  log.info({ url, version }, "started");

  for (const [pool, { kind, ...rest }] of Object.entries(config.pools)) {
    if (kind !== "local" || options.launcher === null) continue;
    const launcher = options.launcher ?? localLauncher(url, dataFolder, config, storage.folder);
    const slots = "slots" in rest ? rest.slots : 0;
    loops.push(
      createCapacityLoop(broker, {
        pool,
        slots,
        launcher,
        onError,
        onEnd(launchId, words) {
          log.info({ launchId, words }, "agent ended");
          // One that was killed could not end what it had started.
          void clearLeftovers(join(dataFolder, "work"));
          void clearOwned(broker.stagingFolder);
        },
      }),
    );
  }
  Object.assign(broker.wake, {
    deliveries: deliverer.wake,
    settle: settler.settle,
    leaseClosed: deliverer.leaseClosed,
    progress: feed.progress,
    logGrew: feed.logGrew,
    capacity: () => loops.forEach((loop) => loop.wake()),
  });
  for (const jobId of unsettledJobs(broker)) settler.settle(jobId);
  deliverer.wake();
  deliverer.tidyAll().catch(onError);
  broker.wake.capacity();
  const cleaner = createCleaner(
    broker,
    config.retention,
    (cleaned) => log.info({ cleaned }, "cleaned up"),
    onError,
  );
  const { eventDays, eventRows } = config.retention;
  const pruner = createPruner(broker, onError, { eventDays, eventRows, ...options.feed });
  const sweeper = createSweeper(broker);
  const timer = setInterval(() => {
    sweeper.sweep().catch(onError);
    broker.wake.capacity();
  }, sweepEveryMs);

  async function stop(): Promise<void> {
    if (broker.stopping) return;
    broker.stopping = true;
    clearInterval(timer);
    for (const worker of broker.workers.values()) nudge(worker);
    commits.wakeAll();
    await Promise.all(loops.map((loop) => loop.stop(stopGraceMs)));
    await settler.idle();
    await deliverer.stop();
    await cleaner.stop();
    await pruner.stop();
    // Readers first: a server with open sockets does not close.
    await feed.close();
    const closed = new Promise<void>((done) => server.close(() => done()));
    server.closeAllConnections();
    await closed;
    writer.close();
    databases.close();
    log.info("stopped");
    log.flush();
  }

  return {
    url,
    // Good for as long as it runs: whoever started it may come back to its terminal at any time.
    loginUrl: url + loginPath(logins.make(tokens.page, null)),
    dataFolder,
    adminToken: tokens.admin,
    broker,
    feed,
    stopAsked: stopAsked.promise,
    stop,
  };
}

/** How long a stopping broker waits for its agents to put their frames back, ms. */
const stopGraceMs = 5000;

function limitsOf(config: Config): Limits {
  const { limits } = config;
  return {
    ...defaultLimits,
    maxTasksPerJob: limits.maxTasksPerJob,
    leaseTermMs: limits.leaseTermSeconds * 1000,
    renewEveryMs: limits.renewEverySeconds * 1000,
    workerSilenceMs: limits.workerSilenceSeconds * 1000,
    idleExitMs: limits.idleExitSeconds * 1000,
  };
}

/** A folder or file that lies beside the bundle, or in the source tree when this runs from it. */
function besideProgram(bundled: string, inSource: string): string {
  const beside = resolve(import.meta.dirname, bundled);
  return existsSync(beside) ? beside : resolve(import.meta.dirname, inSource);
}

function localLauncher(url: string, dataFolder: string, config: Config, blobFolder: string | null): Launcher {
  return createLocalLauncher({
    url,
    agentEntry: besideProgram("agent.mjs", "../container/agent/main.ts"),
    workFolder: join(dataFolder, "work"),
    // Where blobs are elsewhere, results go there at once.
    stagingFolder: blobFolder === null ? null : join(dataFolder, "staging"),
    blobFolder,
    logFolder: join(dataFolder, "logs"),
    blenders: config.blenders,
  });
}

function readTemplates(folder: string): Map<string, string> {
  const files = readdirSync(folder).filter((name) => /\.(yaml|json)$/.test(name));
  return new Map(
    files.map((name) => [
      basename(name).replace(/\.(yaml|json)$/, ""),
      readFileSync(join(folder, name), "utf8"),
    ]),
  );
}

function hostCheck(config: Config, host: string | undefined): (header: string) => boolean {
  const names = [
    "127.0.0.1",
    "localhost",
    "[::1]",
    config.listen.host,
    ...(host === undefined ? [] : [host]),
    ...config.allowedHosts,
  ];
  if (config.publicUrl !== undefined) names.push(new URL(config.publicUrl).hostname);
  const allowed = new Set(names.map((name) => name.toLowerCase()));
  return (header) => allowed.has(header.toLowerCase().replace(/:\d+$/, ""));
}

function listen(server: Server, host: string, port: number): Promise<string> {
  return new Promise((done, fail) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      fail(
        error.code === "EADDRINUSE"
          ? new PortTakenError(
              `Port ${port} on ${host} is taken by another program. Choose another one: tally serve --port ${port + 1}`,
            )
          : error,
      );
    });
    server.listen(port, host, () => {
      const address = server.address();
      const actual = typeof address === "object" && address ? address.port : port;
      done(`http://${host.includes(":") ? `[${host}]` : host}:${actual}`);
    });
  });
}
