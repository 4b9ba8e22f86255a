// Many workers in one process that finish frames at a steady pace, in turn.
import { serveCalls } from "./child.ts";
import { joinLoad, monotonicMs, type Finished, type LoadWorker } from "./load-worker.ts";

export interface PaceOptions {
  /** Absent: as fast as the broker can. */
  leasesPerSecond?: number;
  leases: number;
}

export interface Paced {
  finished: Finished[];
  /** From the first to the last, ms. */
  ms: number;
}

let joined: LoadWorker[] = [];

serveCalls({ join, finish });

/** Registers workers, each of which takes its first frames. */
async function join(options: { port: number; workerToken: string; workers: number }): Promise<void> {
  const names = Array.from({ length: options.workers }, (_, index) => `bench-${index + 1}`);
  joined = await Promise.all(names.map((name) => joinLoad(options.port, options.workerToken, name)));
}

/** Each worker in its turn finishes what it holds and takes the next. */
async function finish({ leasesPerSecond, leases }: PaceOptions): Promise<Paced> {
  const finished: Finished[] = [];
  const begun = monotonicMs();
  await Promise.all(
    joined.map(async (worker, index) => {
      for (let turn = index; turn < leases; turn += joined.length) {
        const ahead = leasesPerSecond ? begun + (turn * 1000) / leasesPerSecond - monotonicMs() : 0;
        // oxlint-disable no-await-in-loop -- lease after lease
        if (ahead > 0) await new Promise((done) => setTimeout(done, ahead));
        finished.push(await worker.next());
        // oxlint-enable no-await-in-loop
      }
    }),
  );
  return { finished, ms: monotonicMs() - begun };
}
