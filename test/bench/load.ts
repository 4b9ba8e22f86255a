// The load of many workers in one process: each completes its lease and hears the next one in the same answer, which
// is what an agent does between two frames.
import { quantile } from "./figures.ts";
import { serveCalls } from "./child.ts";
import { openLine, type HttpLine } from "./http-line.ts";

export interface RoundOptions {
  port: number;
  /** A token of the role worker. */
  token: string;
  workers: number;
  pairs: number;
}

export interface RoundResult {
  pairsPerSecond: number;
  p50: number;
  p99: number;
}

interface HeldLease {
  leaseId: string;
  token: string;
  tasks: { ordinal: number }[];
}

serveCalls({ round });

/** Runs `pairs` pairs over `workers` fresh workers, which leave nothing behind. */
async function round({ port, token, workers, pairs }: RoundOptions): Promise<RoundResult> {
  const broken = Promise.withResolvers<never>();
  const lines = Array.from({ length: workers }, () => openLine(port, token, broken.reject));
  try {
    return await Promise.race([play(lines, pairs), broken.promise]);
  } finally {
    for (const line of lines) line.close();
  }
}

async function play(lines: HttpLine[], pairs: number): Promise<RoundResult> {
  const ids = await Promise.all(lines.map((line, index) => register(line, index)));
  const held = await Promise.all(lines.map((line, index) => firstLease(line, ids[index] as string)));
  const latencies: number[] = [];
  const started = performance.now();
  let left = pairs;
  const last = await Promise.all(
    lines.map((line, index) => {
      const { promise, resolve, reject } = Promise.withResolvers<HeldLease>();
      let lease = held[index] as HeldLease;
      function next(): void {
        if (left-- <= 0) return resolve(lease);
        const at = performance.now();
        line.send("POST", `/v1/leases/${lease.leaseId}/reports`, completion(lease, true), (body, status) => {
          latencies.push(performance.now() - at);
          const answer = JSON.parse(body) as { next: HeldLease | null };
          if (status !== 200 || !answer.next)
            return reject(new Error(`a pair was answered ${status}: ${body}`));
          lease = answer.next;
          next();
        });
      }
      next();
      return promise;
    }),
  );
  const seconds = (performance.now() - started) / 1000;
  await Promise.all(
    last.map((lease, index) =>
      say(lines[index] as HttpLine, "POST", `/v1/leases/${lease.leaseId}/reports`, completion(lease, false)),
    ),
  );
  await Promise.all(ids.map((id, index) => say(lines[index] as HttpLine, "DELETE", `/v1/workers/${id}`, "")));
  return {
    pairsPerSecond: latencies.length / seconds,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
  };
}

function completion({ token, tasks }: HeldLease, next: boolean): string {
  const items = tasks.map(({ ordinal }) => ({
    type: "succeeded",
    ordinal,
    logOffset: 0,
    seconds: 0.01,
    exitCode: 0,
  }));
  return JSON.stringify({ token, seq: 1, items, done: true, next });
}

async function register(line: HttpLine, index: number): Promise<string> {
  const about = {
    name: `bench-${index}`,
    agentVersion: "bench",
    osFamily: "linux",
    amounts: { "amount.worker.vcpu": 2 },
    attributes: { "attr.worker.os.family": ["linux"] },
  };
  const answer = await say(line, "POST", "/v1/workers", JSON.stringify(about));
  return (JSON.parse(answer) as { workerId: string }).workerId;
}

async function firstLease(line: HttpLine, workerId: string): Promise<HeldLease> {
  const answer = JSON.parse(await say(line, "POST", `/v1/workers/${workerId}/leases`, "")) as {
    lease: HeldLease | null;
  };
  if (!answer.lease) throw new Error("there was no work for a worker");
  return answer.lease;
}

function say(line: HttpLine, method: string, path: string, body: string): Promise<string> {
  return new Promise((resolve, reject) => {
    line.send(method, path, body, (answer, status) => {
      if (status < 300) resolve(answer);
      else reject(new Error(`${method} ${path} was answered ${status}: ${answer}`));
    });
  });
}
