// A real broker in its own process.
import type { RunningBroker, startBroker as startBrokerFunction, StartOptions } from "../../broker/main.ts";
import { keepHeapSmall } from "../../broker/small-heap.ts";
import { serveCalls } from "./child.ts";

export interface BrokerChildOptions {
  /** The module with `startBroker`. */
  program: string;
  dataFolder: string;
  /** Whether its local pool starts agents. */
  agents: boolean;
}

export interface BrokerAddress {
  url: string;
  token: string;
}

let running: RunningBroker | undefined;

// As the command line does.
keepHeapSmall();
serveCalls(
  {
    async start({ program, dataFolder, agents }: BrokerChildOptions): Promise<BrokerAddress> {
      const { startBroker } = (await import(program)) as { startBroker: typeof startBrokerFunction };
      const options: StartOptions = { dataFolder, port: 0, ...(!agents && { launcher: null }) };
      running = await startBroker(options);
      return { url: running.url, token: running.adminToken };
    },
    /** Processor time used so far, ms. */
    cpu(): number {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
  },
  () => running?.stop(),
);
