// A worker of a bench: it finishes what it holds and hears its next frames in the same answer, as an agent does.
import { openLine, type HttpLine } from "./http-line.ts";

export interface LoadWorker {
  /** Finishes the frames it holds. Returns which they were; resolves when the broker said that they are stored. */
  next(): Promise<Finished>;
  close(): void;
}

export interface Finished {
  /** Where this was reported: `/v1/leases/…/reports`. */
  address: string;
  ordinals: number[];
  /** When the report was sent and when it was answered, ms of `monotonicMs`. */
  sentAt: number;
  answeredAt: number;
}

interface HeldLease {
  leaseId: string;
  token: string;
  tasks: { ordinal: number }[];
}

/** How long each frame is said to have taken: about as long as the benches hold one, so that none is called slow. */
const frameSeconds = 0.1;

/** The clock that all programs of this machine share, ms: Chromium's traces have it too. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

/** Registers a worker and gives it its first frames. Rejects when there are none. */
export async function joinLoad(port: number, workerToken: string, name: string): Promise<LoadWorker> {
  const broken = Promise.withResolvers<never>();
  // Whoever waits hears it; that nobody waits at the moment is no error of its own.
  broken.promise.catch(() => undefined);
  const line = openLine(port, workerToken, broken.reject);
  const say = (method: string, path: string, body: string) =>
    Promise.race([answerOf(line, method, path, body), broken.promise]);
  const about = { name, agentVersion: "bench", osFamily: "linux", amounts: {}, attributes: {} };
  const { workerId } = (await say("POST", "/v1/workers", JSON.stringify(about))) as { workerId: string };
  let { lease } = (await say("POST", `/v1/workers/${workerId}/leases`, "")) as { lease: HeldLease | null };
  return {
    async next() {
      if (!lease) throw new Error("there were not frames enough for the workers of this bench");
      const { token, leaseId, tasks } = lease;
      const ordinals = tasks.map(({ ordinal }) => ordinal);
      const items = ordinals.map((ordinal) => ({
        type: "succeeded",
        ordinal,
        logOffset: 0,
        seconds: frameSeconds,
      }));
      const report = JSON.stringify({ token, seq: 1, items, done: true, next: true });
      const address = `/v1/leases/${leaseId}/reports`;
      const sentAt = monotonicMs();
      const answer = await say("POST", address, report);
      const answeredAt = monotonicMs();
      lease = (answer as { next: HeldLease | null }).next;
      return { address, ordinals, sentAt, answeredAt };
    },
    close: () => line.close(),
  };
}

function answerOf(line: HttpLine, method: string, path: string, body: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    line.send(method, path, body, (answer, status) => {
      if (status < 300) resolve(JSON.parse(answer));
      else reject(new Error(`${method} ${path} was answered ${status}: ${answer}`));
    });
  });
}
