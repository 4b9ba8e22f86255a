// A launcher whose agents are whatever a test makes of their tokens, and which counts them.
import type { Launcher } from "../../broker/domain/ports.ts";
import type { TestBroker } from "./start-broker.ts";

export interface Launched {
  launchId: string;
  token: string;
  /** Its process ends. */
  end(words: string): void;
}

export interface CountingLauncher {
  launcher: Launcher;
  launches: Launched[];
  /** Waits until so many were started. */
  started: (count: number) => Promise<void>;
  /** Lets the broker look at its capacity now; resolves when whatever it starts is started. */
  looked: (broker: TestBroker) => Promise<void>;
}

/** Makes one. */
export function countingLauncher(): CountingLauncher {
  const launches: Launched[] = [];
  const waiting: (() => void)[] = [];
  const turn = () => new Promise<void>((done) => setImmediate(done));
  return {
    launches,
    launcher: {
      start({ launchId, token }) {
        const { promise: ended, resolve } = Promise.withResolvers<string>();
        launches.push({ launchId, token, end: resolve });
        for (const wake of waiting.splice(0)) wake();
        return { launchId, pid: null, ended, stop: () => Promise.resolve(resolve("stopped")) };
      },
      adopt: () => null,
    },
    async started(count) {
      while (launches.length < count) {
        // oxlint-disable-next-line no-await-in-loop -- this is what waiting is
        await new Promise<void>((resolve) => waiting.push(resolve));
      }
    },
    async looked({ broker }) {
      broker.wake.capacity();
      await turn();
      await turn();
      // A launch is written before it is started.
      await broker.writer.write(() => {});
      await turn();
    },
  };
}
