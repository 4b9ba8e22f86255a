// A worker without an agent: it leases and reports over real HTTP, as a test tells it to.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type {
  Lease,
  Order,
  RegisterWorker,
  Report,
  ReportFile,
  ReportInput,
} from "../../broker/contract/worker.ts";
import type { Answer } from "../../broker/contract/client.ts";
import type { Api } from "./api.ts";
import { packOf, sha256Of } from "./blobs.ts";
import type { TestBroker } from "./start-broker.ts";

type Item = ReportInput["items"][number];

export interface Held {
  lease: Lease;
  /** The number of the last report that was sent. */
  seq: number;
}

export interface FakeWorker {
  id: string;
  token: string;
  api: Api;
  /** Asks for work; null when there is none. */
  lease(): Promise<Held | null>;
  /** Asks for work and fails when there is none. */
  work(): Promise<Held>;
  /** Sends the next report of a lease. */
  report(
    held: Held,
    items: Item[],
    more?: Partial<Pick<Report, "done" | "next">>,
  ): Promise<Answer<"reportLease">>;
  /** Starts and finishes every frame of a lease, one report, done. */
  succeed(held: Held, more?: { next?: boolean; files?: ReportFile[] }): Promise<Answer<"reportLease">>;
  /** Starts and fails every frame of a lease. */
  fail(
    held: Held,
    reason?: string,
    failureClass?: "task" | "host" | "capacity" | "config",
  ): Promise<Answer<"reportLease">>;
  renew(held: Held): Promise<void>;
  /** Orders newer than `after`. */
  orders(after?: number): Promise<{ version: number; orders: Order[] }>;
  leave(): Promise<void>;
  /** Writes a file into the folder of a lease, as a renderer does. */
  stage(held: Held, name: string, text: string, home: string): File;
  /** Uploads a file, as a worker on another machine does. */
  upload(held: Held, text: string, home: string): Promise<ReportFile>;
}

/** A file as a report names it. */
export type File = ReportFile & { path: string };

export const started = (ordinal: number): Item => ({ type: "started", ordinal, logOffset: 0 });
export const succeeded = (ordinal: number, seconds = 1, files: ReportFile[] = []): Item => ({
  type: "succeeded",
  ordinal,
  logOffset: 0,
  seconds,
  files,
});
export const failed = (
  ordinal: number,
  reason = "It did not render.",
  failureClass: "task" | "host" | "capacity" | "config" = "task",
): Item => ({ type: "failed", ordinal, logOffset: 0, seconds: 1, failureClass, reason });

/** The headers with which a worker touches bytes. */
export const leaseHeaders = ({ lease }: Held): Record<string, string> => ({
  "tally-lease": lease.leaseId,
  "tally-lease-token": lease.token,
});

/** What a worker is unless a test says otherwise. */
export function registration(more: Partial<RegisterWorker> = {}): RegisterWorker {
  return {
    name: "this PC",
    pool: "local",
    agentVersion: "test",
    osFamily: "linux",
    amounts: { "amount.worker.vcpu": 4 },
    attributes: { "attr.worker.os.family": ["linux"] },
    blenders: [],
    ...more,
  };
}

/** Ordinals of a lease. */
export const ordinalsOf = (held: Held): number[] => held.lease.tasks.map((task) => task.ordinal);

/** Registers a worker with a token of its own. */
export async function joinWorker(
  broker: TestBroker,
  more: Partial<RegisterWorker> = {},
  token?: string,
): Promise<FakeWorker> {
  const own = token ?? (await broker.tokenFor("worker", more.name ?? "worker"));
  const api = broker.api.as(own);
  const { workerId: id } = await api.ok("registerWorker", { body: registration(more) });
  return workerAt(broker, api, id, own);
}

/** The same worker at another broker process of the same data folder. */
export function workerAt(
  broker: Pick<TestBroker, "broker">,
  api: Api,
  id: string,
  token: string,
): FakeWorker {
  const report: FakeWorker["report"] = (held, items, more = {}) =>
    api.ok("reportLease", {
      params: { lease: held.lease.leaseId },
      body: { token: held.lease.token, seq: ++held.seq, items, ...more },
    });
  const lease = async (): Promise<Held | null> => {
    const answer = await api.ok("leaseTask", { params: { worker: id } });
    return answer.lease && { lease: answer.lease, seq: 0 };
  };
  return {
    id,
    token,
    api,
    lease,
    async work() {
      const held = await lease();
      if (!held) throw new Error("there was no work for this worker");
      return held;
    },
    report,
    succeed: (held, { next = false, files = [] } = {}) =>
      report(
        held,
        ordinalsOf(held).flatMap((ordinal) => [started(ordinal), succeeded(ordinal, 1, files)]),
        {
          done: true,
          next,
        },
      ),
    fail: (held, reason, failureClass) =>
      report(
        held,
        ordinalsOf(held).flatMap((ordinal) => [started(ordinal), failed(ordinal, reason, failureClass)]),
        {
          done: true,
        },
      ),
    async renew(held) {
      await api.ok("renewLease", {
        params: { lease: held.lease.leaseId },
        body: { token: held.lease.token },
      });
    },
    orders: (after = 0) => api.ok("getOrders", { params: { worker: id }, query: { after } }),
    async leave() {
      await api.ok("leaveWorker", { params: { worker: id } });
    },
    stage(held, name, text, home) {
      const folder = join(broker.broker.stagingFolder, held.lease.leaseId);
      mkdirSync(folder, { recursive: true });
      const path = join(folder, name);
      writeFileSync(path, text);
      return { path, name: home, bytes: Buffer.byteLength(text), sha256: sha256Of(text) };
    },
    async upload(held, text, home) {
      const blob = { sha256: sha256Of(text), bytes: Buffer.byteLength(text) };
      await api.ok("putPack", { headers: leaseHeaders(held), bytes: packOf([text]) });
      return { ...blob, name: home };
    },
  };
}
