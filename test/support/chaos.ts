// Everybody who talks to a broker on a bad day, played from one seed: people, workers that lie, repeat and fall silent,
// a network that loses answers, and a broker that stops or dies.
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { expect } from "vitest";
import type { OperationId } from "../../broker/contract/routes.ts";
import type { Lease, Report } from "../../broker/contract/worker.ts";
import type { Job } from "../../broker/contract/job.ts";
import { createSweeper, type Sweeper } from "../../broker/service/sweep.ts";
import type { Ask, Raw } from "./api.ts";
import { submission, type StepShape } from "./builders.ts";
import { createFakeClock } from "./fake-clock.ts";
import { failed, registration, started, succeeded } from "./fake-worker.ts";
import { createInvariants, isSettled } from "./invariants.ts";
import { openBroker, type TestBroker } from "./start-broker.ts";

interface Player {
  id: string;
  token: string;
  lease: Lease | null;
  seq: number;
}

export interface Chaos {
  /** One random step (or a few at once), and the invariants after it. */
  step(): Promise<void>;
  /** Lets everything come to its end, and checks that it does. */
  finish(): Promise<void>;
  end(): Promise<void>;
  /** What happened, newest last. */
  readonly diary: string[];
}

// Nobody here asks for orders: whoever is asked whether it is there has no time to say so.
const limits = { leaseTermMs: 3000, workerSilenceMs: 4000, answersWithinMs: 0 };

/** Mulberry32: small, seeded, good enough to surprise. */
export function createRandom(seed: number) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n: number) => Math.floor(next() * n);
  return {
    below,
    chance: (p: number) => next() < p,
    pick: <T>(list: readonly T[]): T | undefined => list[below(list.length)],
  };
}

/** The newest bug in the broker's log. */
function logOf({ dataFolder }: TestBroker): string {
  return readFileSync(join(dataFolder, "broker.log"), "utf8").trim().split("\n").at(-1) ?? "";
}

/** Starts a broker and everybody around it. */
export async function startChaos(seed: number): Promise<Chaos> {
  const random = createRandom(seed);
  const clock = createFakeClock();
  const invariants = createInvariants();
  const diary: string[] = [];
  const folders: string[] = [];
  const newFolder = () => {
    const made = mkdtempSync(join(tmpdir(), "tally-chaos-"));
    folders.push(made);
    return made;
  };
  let broker: TestBroker = await openBroker({ dataFolder: newFolder(), clock, limits });
  let sweeper: Sweeper = createSweeper(broker.broker);
  const { token: workerToken } = await broker.api.ok("createToken", {
    body: { role: "worker", name: "pcs" },
  });
  const players: Player[] = [];
  const jobs: Job[] = [];
  const submits: { key: string; body: unknown; number: number }[] = [];
  const stash: { lease: string; body: Report }[] = [];
  let keys = 0;

  /** A call that may be refused, but never by a mistake of the broker. */
  async function say(id: OperationId, ask: Ask = {}): Promise<Raw> {
    const answer = await broker.api.raw(id, ask);
    const { code } = (answer.body ?? {}) as { code?: string };
    diary.push(
      `${id} ${JSON.stringify(ask.params ?? {})} ${JSON.stringify(ask.body ?? {}).slice(0, 250)} → ${answer.status} ${code ?? ""}`,
    );
    expect(answer.status, answer.status === 500 ? logOf(broker) : "").not.toBe(500);
    return answer;
  }

  async function join_(): Promise<Player> {
    const answer = await say("registerWorker", { token: workerToken, body: registration() });
    const player = {
      id: (answer.body as { workerId: string }).workerId,
      token: workerToken,
      lease: null,
      seq: 0,
    };
    players.push(player);
    return player;
  }

  const steps = (): StepShape[] => {
    const count = 1 + random.below(3);
    return Array.from({ length: count }, (_, index) => ({
      name: `s${index}`,
      frames: `1-${1 + random.below(6)}`,
      ...(random.chance(0.4) && { chunk: 1 + random.below(3), targetSeconds: random.chance(0.5) ? 30 : 0 }),
      ...(index > 0 && random.chance(0.7) && { dependsOn: [`s${random.below(index)}`] }),
    }));
  };

  async function submit(): Promise<void> {
    const again = random.chance(0.2) ? random.pick(submits) : undefined;
    const key = again?.key ?? `chaos-key-${seed}-${keys++}`;
    const settings = {
      maxRetries: random.below(3),
      maxFailedTasks: 1 + random.below(4),
      priority: 40 + random.below(3) * 10,
      paused: random.chance(0.1),
      order: random.pick(["in-order", "every-nth", "first-middle-last"] as const) ?? "in-order",
    };
    const body = again?.body ?? submission(steps(), settings);
    const answer = await say("submitJob", { headers: { "idempotency-key": key }, body });
    expect(answer.status).toBe(201);
    const job = answer.body as Job;
    if (again) return expect(job.number, "a replayed key is the same job").toBe(again.number);
    jobs.push(job);
    submits.push({ key, body, number: job.number });
    invariants.acknowledged(job.number, job.taskCount);
  }

  async function lease(player: Player): Promise<void> {
    const answer = await say("leaseTask", { params: { worker: player.id }, token: player.token });
    if (answer.status === 404) return forget(player);
    const given = (answer.body as { lease?: Lease | null }).lease;
    // The answer may get lost; the worker asks again some time.
    if (answer.status === 200 && given && random.chance(0.85))
      Object.assign(player, { lease: given, seq: 0 });
  }

  function forget(player: Player): void {
    players.splice(players.indexOf(player), 1);
  }

  function itemsFor(held: Lease): Report["items"] {
    const tasks = held.tasks.map((task) => task.ordinal);
    const some = random.chance(0.5) ? tasks : tasks.filter(() => random.chance(0.5));
    return some.flatMap((ordinal) => {
      const kind = random.below(10);
      if (kind < 5) return [started(ordinal), succeeded(ordinal)];
      if (kind < 6) return [started(ordinal)];
      if (kind < 8) return [started(ordinal), failed(ordinal, "bad", random.chance(0.3) ? "host" : "task")];
      if (kind < 9) return [{ type: "released" as const, ordinal, logOffset: 0 }];
      return [{ type: "canceled" as const, ordinal, logOffset: 0 }];
    }) as Report["items"];
  }

  async function report(player: Player): Promise<void> {
    const held = player.lease;
    if (!held) return lease(player);
    const done = random.chance(0.5);
    const body: Report = {
      token: random.chance(0.03) ? "x".repeat(32) : held.token,
      seq: player.seq + 1 + (random.chance(0.05) ? 1 : 0),
      items: itemsFor(held),
      done,
      next: done && random.chance(0.6),
    };
    if (random.chance(0.2)) stash.push({ lease: held.leaseId, body: structuredClone(body) });
    const answer = await send(player.token, held.leaseId, body);
    if (random.chance(0.1)) await send(player.token, held.leaseId, body);
    // Half of the lost answers are noticed: the same report is sent again some time, with other words.
    if (answer.status === 200 && random.chance(0.1)) return;
    const { code } = answer.body as { code?: string };
    if (code === "lease-lost") player.lease = null;
    if (answer.status !== 200) return;
    player.seq = body.seq;
    if (!done) return;
    player.lease = (answer.body as { next: Lease | null }).next;
    player.seq = 0;
  }

  const send = (token: string, leaseId: string, body: Report) =>
    say("reportLease", { params: { lease: leaseId }, token, body });

  async function late(): Promise<void> {
    const one = random.pick(stash);
    if (one) await send(workerToken, one.lease, one.body);
  }

  async function person(): Promise<void> {
    const job = random.pick(jobs);
    if (!job) return submit();
    const params = { job: job.number };
    const kind = random.below(8);
    if (kind < 4)
      await say("setJobIntent", { params, body: { intent: ["run", "run", "pause", "cancel"][kind] } });
    else if (kind < 5) await say("setJobPriority", { params, body: { priority: 40 + random.below(3) * 10 } });
    else {
      const what = [{}, { failedOnly: true }, { frames: `1-${1 + random.below(3)}` }, { step: "s0" }];
      await say("requeueTasks", { params, body: random.pick(what) });
    }
  }

  async function time(): Promise<void> {
    clock.advance(random.pick([100, 1500, 3000, 4100]) ?? 0);
    if (random.chance(0.05)) clock.setWall(-3_600_000);
    diary.push(`time goes by; ${await sweeper.sweep()} leases expire`);
  }

  async function restart(): Promise<void> {
    const old = broker;
    let dataFolder = old.dataFolder;
    if (random.chance(0.6)) {
      // What the disk holds at this moment is what a power cut would leave.
      dataFolder = newFolder();
      cpSync(old.dataFolder, dataFolder, {
        recursive: true,
        filter: (path) => !/^(lock\.db|.*-shm)/.test(basename(path)),
      });
      diary.push("the broker dies");
    } else diary.push("the broker stops");
    await old.stop();
    broker = await openBroker({ dataFolder, clock, limits });
    sweeper = createSweeper(broker.broker);
  }

  async function act(): Promise<void> {
    const player = random.pick(players);
    const kind = random.below(100);
    if (jobs.length < 2 || kind < 6) await submit();
    else if (!player || (players.length < 4 && kind < 12)) await join_();
    else if (kind < 35) await lease(player);
    else if (kind < 75) await report(player);
    else if (kind < 80) await late();
    else if (kind < 90) await person();
    else if (kind < 94) await time();
    else if (kind < 96 && player.lease) {
      const ask = {
        params: { lease: player.lease.leaseId },
        token: player.token,
        body: { token: player.lease.token },
      };
      await say("renewLease", ask);
    } else if (kind < 97) {
      forget(player);
      await say("leaveWorker", { params: { worker: player.id }, token: player.token });
    } else {
      const asks = ["run", "run", "pause", "drain", "pool run", "pool run", "pool pause"] as const;
      const ask = random.pick(asks) ?? "run";
      const intent = ask.replace("pool ", "");
      if (ask === intent) await say("setWorkerIntent", { params: { worker: player.id }, body: { intent } });
      else await say("setPoolIntent", { params: { pool: "local" }, body: { intent } });
    }
  }

  const check = () => invariants.check(broker.broker.reader);

  async function settled(): Promise<void> {
    for (let turn = 0; !isSettled(broker.broker.reader); turn++) {
      expect(turn, "what follows from a change comes to its end").toBeLessThan(5000);
      // oxlint-disable-next-line no-await-in-loop -- a turn of the loop is what it needs
      await new Promise((done) => setImmediate(done));
    }
  }

  return {
    diary,
    async step() {
      if (random.chance(0.03)) await restart();
      else if (random.chance(0.3)) await Promise.all([act(), act(), act(), act()]);
      else await act();
      check();
      if (!random.chance(0.2)) return;
      await settled();
      check();
    },
    async finish() {
      // oxlint-disable no-await-in-loop -- one after the other
      for (const { number } of jobs)
        await say("setJobIntent", { params: { job: number }, body: { intent: "run" } });
      for (const player of players.splice(0))
        await say("leaveWorker", { params: { worker: player.id }, token: player.token });
      for (let time_ = 0; time_ < 4; time_++) {
        clock.advance(2000);
        await sweeper.sweep();
      }
      await settled();
      // Those that left while paused would come back paused, and all would while their pool is.
      await say("setPoolIntent", { params: { pool: "local" }, body: { intent: "run" } });
      const { items } = await broker.api.ok("listWorkers");
      for (const { id } of items)
        await say("setWorkerIntent", { params: { worker: id }, body: { intent: "run" } });
      const last = await join_();
      for (;;) {
        last.lease = null;
        const answer = await say("leaseTask", { params: { worker: last.id }, token: last.token });
        const held = (answer.body as { lease: Lease | null }).lease;
        if (held) {
          const items = held.tasks.flatMap(({ ordinal }) => [
            started(ordinal),
            succeeded(ordinal),
          ]) as Report["items"];
          await send(last.token, held.leaseId, { token: held.token, seq: 1, items, done: true, next: false });
          await settled();
        } else break;
      }
      check();
      for (const { number } of jobs) {
        const job = await broker.api.ok("getJob", { params: { job: number } });
        expect(["succeeded", "failed", "canceled"], `job ${number} came to its end`).toContain(job.state);
        expect(job.counts.running + job.counts.ready).toBe(0);
      }
      // oxlint-enable no-await-in-loop
    },
    async end() {
      await broker.stop();
      for (const folder of folders) rmSync(folder, { recursive: true, force: true });
    },
  };
}
