// Handlers of the operations that workers call, and those on workers.
import { Readable } from "node:stream";
import { Problem } from "../contract/problem.ts";
import { environmentsOf } from "../openjd/job.ts";
import { reachOf } from "../service/blobs.ts";
import { heardOf, isLeaseToken, type WorkerMemory } from "../service/broker.ts";
import { describeWorker, describeWorkers } from "../service/describe-workers.ts";
import { idOf, requireNumber } from "../service/ids.ts";
import { listLeaseInputs } from "../service/lease-inputs.ts";
import { leaseTask } from "../service/lease-task.ts";
import { waitForOrders } from "../service/orders.ts";
import { needsOf, outputsOf } from "../service/outputs.ts";
import { leaveWorker, registerWorker } from "../service/register-worker.ts";
import { lost, reportLease } from "../service/report-lease.ts";
import { setPoolIntent } from "../service/set-pool-intent.ts";
import { setWorkerIntent } from "../service/set-worker-intent.ts";
import { pausedPools } from "../store/pools.ts";
import { jobNumber, ownWorker, type HttpContext } from "./context.ts";
import type { Handlers } from "./mount.ts";

type WorkerHandlers = Pick<
  Handlers,
  | "listWorkers"
  | "setWorkerIntent"
  | "setPoolIntent"
  | "registerWorker"
  | "leaveWorker"
  | "getOrders"
  | "leaseTask"
  | "getStepScript"
  | "reportLease"
  | "renewLease"
  | "listLeaseInputs"
  | "appendLog"
>;

/** Below the 30 s after which proxies close an idle request. */
const ordersWaitMs = 25_000;
/** One piece of a log, bytes. */
const maxLogPiece = 4 * 1024 * 1024;

/** The handlers over one context. */
export function workerHandlers(context: HttpContext): WorkerHandlers {
  const { broker, db, logs } = context;

  return {
    listWorkers: ({ query }) => ({
      items: describeWorkers(broker, broker.rows, db, query.all),
      pausedPools: pausedPools(broker.rows),
    }),
    async setWorkerIntent({ params, body }) {
      const id = requireNumber("worker", params.worker);
      await setWorkerIntent(broker, id, body.intent);
      const worker = describeWorker(broker, broker.rows, db, id);
      if (!worker) throw new Problem("not-found", `The worker ${params.worker} has just left.`);
      return worker;
    },
    async setPoolIntent({ params: { pool }, body: { intent } }) {
      await setPoolIntent(broker, pool, intent);
      const all = describeWorkers(broker, broker.rows, db, false);
      return { pool, intent, workers: all.filter((one) => one.pool === pool) };
    },
    async registerWorker({ who, body, signal }) {
      const id = await registerWorker(broker, who.tokenId, body, signal);
      const { leaseTermMs, renewEveryMs, idleExitMs } = broker.limits;
      return { workerId: idOf("worker", id), leaseTermMs, renewEveryMs, idleExitMs };
    },
    leaveWorker: ({ who, params }) => leaveWorker(broker, ownWorker(context, params.worker, who.tokenId)),
    getOrders: ({ who, params, query, signal }) =>
      waitForOrders(
        broker,
        ownWorker(context, params.worker, who.tokenId),
        query.after,
        ordersWaitMs,
        signal,
      ),
    leaseTask: async ({ who, params }) => ({
      lease: await leaseTask(broker, ownWorker(context, params.worker, who.tokenId)),
    }),
    getStepScript({ who, params }) {
      const number = jobNumber(context, params.job);
      // A worker reads what it runs, and no other job.
      const isTheirs = (one: WorkerMemory) => one.tokenId === who.tokenId && one.lease?.jobId === number;
      if (who.role === "worker" && ![...broker.workers.values()].some(isTheirs)) throw lost();
      const job = broker.plans.of(number);
      const { template, environments, parameters, settings, manifest, plan } = job;
      const planned = plan.steps[params.step];
      if (!planned) throw new Problem("not-found", `Job ${params.job} has no step ${params.step}.`);
      return {
        jobName: plan.name,
        stepName: planned.name,
        extensions: template.extensions ?? [],
        environments: [
          ...environments.map((one) => one.environment),
          ...environmentsOf(template, planned.step),
        ],
        script: planned.step.script,
        parameters,
        manifest,
        needs: needsOf(job, planned),
        outputs: outputsOf(job),
        upstream: planned.dependsOn.length > 0,
        filesInPlace: settings.filesInPlace,
        sharedRoots: [...broker.sharedRoots],
        blenderSeries: settings.blenderSeries ?? null,
        frameTimeoutSeconds: settings.frameTimeoutSeconds ?? null,
      };
    },
    reportLease: ({ who, params, body }) =>
      reportLease(broker, requireNumber("lease", params.lease), who.tokenId, body),
    renewLease({ who, params, body }) {
      const leaseId = requireNumber("lease", params.lease);
      const worker = [...broker.workers.values()].find((one) => one.lease?.id === leaseId);
      if (
        !worker ||
        worker.tokenId !== who.tokenId ||
        !isLeaseToken(broker, leaseId, body.token) ||
        !broker.deadlines.has(leaseId)
      )
        throw lost();
      broker.deadlines.set(leaseId, broker.clock.monotonic() + broker.limits.leaseTermMs);
      heardOf(broker, worker);
      const newest = body.progress.at(-1);
      if (newest) {
        worker.progress = newest;
        broker.wake.progress(worker.id);
      }
      return { termMs: broker.limits.leaseTermMs };
    },
    listLeaseInputs({ who, params, query, headers }) {
      const reach = { "tally-lease": params.lease, "tally-lease-token": headers["tally-lease-token"] };
      reachOf(broker, who, reach);
      return listLeaseInputs(broker, requireNumber("lease", params.lease), query);
    },
    async appendLog({ who, params, query, headers, request }) {
      const bytes = await readPiece(request);
      return {
        bytes: await logs.append(
          requireNumber("lease", params.lease),
          who.tokenId,
          headers["tally-lease-token"],
          query.offset,
          bytes,
        ),
      };
    },
  };
}

async function readPiece(request: Request): Promise<Uint8Array> {
  // Said before a byte is read, the refusal reaches the sender; a body that is given up half way breaks the connection.
  if (Number(request.headers.get("content-length") ?? 0) > maxLogPiece) throw pieceTooLarge();
  const parts: Uint8Array[] = [];
  let size = 0;
  if (request.body) {
    for await (const part of Readable.fromWeb(request.body as never) as AsyncIterable<Uint8Array>) {
      size += part.length;
      if (size > maxLogPiece) throw pieceTooLarge();
      parts.push(part);
    }
  }
  return Buffer.concat(parts);
}

function pieceTooLarge(): Problem {
  return new Problem("too-large", `Send a log in pieces of at most ${maxLogPiece / 1_048_576} MiB.`);
}
