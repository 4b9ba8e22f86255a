// A bad day for somebody who follows the feed, played from one seed: a network that is cut, stalls and is slow, a broker
// that restarts, is restored from a backup or forgets its history; meanwhile people and workers go on.
import { cpSync } from "node:fs";
import { basename, join } from "node:path";
import Database from "better-sqlite3";
import { expect } from "vitest";
import type { FeedMessage } from "../../broker/contract/feed.ts";
import { createPruner } from "../../broker/feed/prune.ts";
import { renewEpoch } from "../../broker/store/feed.ts";
import { eventsAfter } from "../../broker/store/events.ts";
import type { Reader } from "../../broker/store/tx.ts";
import { submit } from "./builders.ts";
import { createRandom } from "./chaos.ts";
import { failed, joinWorker, started, succeeded, type FakeWorker, type Held } from "./fake-worker.ts";
import { follow, pictureOf, type Follower } from "./feed-reader.ts";
import { isSettled } from "./invariants.ts";
import { openBroker, testFolder, type TestBroker } from "./start-broker.ts";
import { startProxy } from "./tcp-proxy.ts";

interface Player {
  worker: FakeWorker;
  held: Held | null;
  /** Ordinals of the lease that are not closed. */
  open: number[];
}

export interface FeedChaos {
  /** What happened, newest last. */
  readonly diary: string[];
  step(): Promise<void>;
  /** Lets the network be well, and compares what the follower knows with what somebody sees who comes now. */
  compare(): Promise<void>;
  end(): Promise<void>;
}

const feed = { tickMs: 100 };

/** Starts a broker, a network, workers and a follower of everything. */
export async function startFeedChaos(seed: number): Promise<FeedChaos> {
  const random = createRandom(seed);
  const diary: string[] = [];
  let broker: TestBroker = await openBroker({ dataFolder: testFolder(), feed });
  let players: Player[] = [];
  let backup: string | undefined;
  let held = false;
  const numbers: number[] = [];
  const submitOne = async () => {
    const retries = random.below(2);
    const steps = [
      { name: "render", frames: `1-${3 + random.below(20)}`, ...(random.chance(0.5) && { chunk: 3 }) },
      ...(random.chance(0.5) ? [{ name: "film", frames: "1", dependsOn: ["render"] }] : []),
    ];
    const { number } = await submit(broker.api, steps, { maxRetries: retries, maxFailedTasks: 3 });
    numbers.push(number);
  };
  const joinAll = async () => {
    const names = ["this PC", "that PC"];
    const workers = await Promise.all(names.map((name) => joinWorker(broker, { name })));
    players = workers.map((worker) => ({ worker, held: null, open: [] }));
  };
  await submitOne();
  await submitOne();
  await joinAll();
  const topics = ["jobs", "job:1", "job:2", "workers"];
  const ledger = createLedger(1);
  const proxy = await startProxy(broker.url);
  const client = follow({ ...broker, url: proxy.url }, topics, {
    onMessage: ledger.hear,
    random: () => 0.5,
    delaysMs: [2, 50],
  });

  await client.until(({ state }) => state === "live");

  async function copyFolder(): Promise<string> {
    const folder = testFolder();
    cpSync(broker.dataFolder, folder, {
      recursive: true,
      filter: (path) => !/^(lock\.db|.*-shm)/.test(basename(path)),
    });
    return folder;
  }

  async function reopen(dataFolder: string): Promise<void> {
    await broker.stop();
    broker = await openBroker({ dataFolder, feed });
    await joinAll();
    await goOn();
    held = false;
    proxy.lead(broker.url);
  }

  async function work(player: Player): Promise<void> {
    if (!player.held) {
      player.held = await player.worker.lease();
      player.open = player.held?.lease.tasks.map((task) => task.ordinal) ?? [];
      return;
    }
    const { held: lease, open, worker } = player;
    const ordinal = open.shift();
    const done = ordinal === undefined || open.length === 0 || random.chance(0.2);
    const items =
      ordinal === undefined
        ? []
        : [started(ordinal), random.chance(0.8) ? succeeded(ordinal) : failed(ordinal)];
    const answer = await worker.api.raw("reportLease", {
      params: { lease: lease.lease.leaseId },
      body: { token: lease.lease.token, seq: ++lease.seq, items, done },
    });
    if (done || answer.status !== 200) player.held = null;
  }

  async function tellProgress({ held: lease, open, worker }: Player): Promise<void> {
    if (!lease || open[0] === undefined) return;
    const progress = [{ ordinal: open[0], percent: random.below(100) }];
    await worker.api.raw("renewLease", {
      params: { lease: lease.lease.leaseId },
      body: { token: lease.lease.token, progress },
    });
  }

  async function person(): Promise<void> {
    const params = { job: random.pick(numbers) ?? 1 };
    const kind = random.below(4);
    if (kind === 0) await broker.api.raw("setJobPriority", { params, body: { priority: random.below(100) } });
    else if (kind === 1)
      await broker.api.raw("requeueTasks", { params, body: random.chance(0.5) ? {} : { failedOnly: true } });
    else {
      const ask = random.pick(["run", "run", "pause", "cancel", "pool run", "pool pause"]) ?? "run";
      const intent = ask.replace("pool ", "");
      if (ask === intent) await broker.api.raw("setJobIntent", { params, body: { intent } });
      else await broker.api.raw("setPoolIntent", { params: { pool: "local" }, body: { intent } });
    }
  }

  /** What the follower does not see while it is away. */
  async function goOn(): Promise<void> {
    for (let left = random.below(30); left > 0; left--)
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await (random.chance(0.2) ? person() : work(random.pick(players) as Player));
  }

  async function network(): Promise<string> {
    const kind = random.below(5);
    if (kind < 3) {
      proxy.cut();
      return "cut";
    }
    held = !held;
    if (!held) proxy.release();
    else {
      proxy.hold();
      // Held for long enough, the silence is noticed: what was under way comes after the next connection, if ever.
      if (random.chance(0.3)) await client.until(({ state }) => state !== "live");
    }
    return held ? "hold" : "release";
  }

  async function history(): Promise<string> {
    const kind = random.below(6);
    if (kind < 2) {
      await reopen(broker.dataFolder);
      return "restart";
    }
    if (kind === 2 || (kind === 3 && backup === undefined)) {
      backup = await copyFolder();
      return "backup";
    }
    if (kind === 3 && backup !== undefined) {
      const folder = backup;
      backup = undefined;
      const db = new Database(join(folder, "tally.db"));
      renewEpoch(db);
      db.close();
      await reopen(folder);
      return "restore";
    }
    if (random.chance(0.5)) {
      held = true;
      proxy.hold();
      proxy.cut();
      await goOn();
    }
    const pruner = createPruner(broker.broker, fail, { eventRows: random.below(30) });
    await pruner.prune();
    await pruner.stop();
    return "prune";
  }

  const fail = (error: unknown) => {
    throw error;
  };

  return {
    diary,
    async step() {
      const kind = random.below(100);
      const player = random.pick(players) as Player;
      let words = "work";
      if (kind < 60) await work(player);
      else if (kind < 68) [words] = ["progress", await tellProgress(player)];
      else if (kind < 72) [words] = ["submit", await submitOne()];
      else if (kind < 82) [words] = ["person", await person()];
      else if (kind < 95) words = await network();
      else words = await history();
      // Often the follower is given the time to come back, sometimes things go on meanwhile.
      if (!held && client.state === "away" && random.chance(0.4))
        await client.until(({ state }) => state === "live");
      diary.push(`${words}: ${client.state} at ${client.cursor ?? "nothing"}`);
    },
    async compare() {
      if (held) proxy.release();
      held = false;
      while (!isSettled(broker.broker.reader))
        // oxlint-disable-next-line no-await-in-loop -- a turn of the loop is what it needs
        await new Promise((done) => setImmediate(done));
      const { cursor: newest } = await broker.api.ok("listEvents");
      const fresh = follow(broker, topics);
      await fresh.until(({ state }) => state === "live");
      const epoch = fresh.cursor?.split(".")[0];
      await caughtUp(client, `${epoch}.${newest}`);
      diary.push(`compared at ${client.cursor}`);
      ledger.check(broker.broker.reader);
      expect(pictureOf(client.store)).toEqual(pictureOf(fresh.store));
      fresh.close();
    },
    end: () => broker.stop(),
  };
}

/** Waits until a follower is at this cursor, and what is never stored was told too. */
async function caughtUp(client: Follower, cursor: string): Promise<void> {
  await client.until((one) => one.state === "live" && one.cursor === cursor);
  const ticks = client.heard["tick"] ?? 0;
  await client.until(({ state }) => state === "live" && (client.heard["tick"] ?? 0) >= ticks + 3);
}

/** Keeps which events of a job were heard since everything began anew; fails when one comes twice or out of order. */
function createLedger(job: number) {
  let base = 0;
  let heard: number[] = [];
  let last = 0;
  return {
    hear: (message: FeedMessage): void => {
      if (message.type === "hello" && !message.resumed) [heard, last] = [[], 0];
      if (message.type === "snapshot") base = Number(message.cursor.split(".")[1]);
      if (message.type !== "events") return;
      for (const { cursor, jobNumber } of message.events) {
        expect(cursor).toBeGreaterThan(last);
        last = cursor;
        if (jobNumber === job) heard.push(cursor);
      }
    },
    /** Fails unless every event that is still kept was heard. */
    check(db: Reader): void {
      const kept = eventsAfter(db, base, job, 1_000_000).map((event) => event.cursor);
      expect(heard.filter((cursor) => cursor >= (kept[0] ?? Infinity))).toEqual(kept);
    },
  };
}
