// A real broker in its own process.
import { subscribe } from "node:diagnostics_channel";
import type { IncomingMessage } from "node:http";
import type { RunningBroker, startBroker as startBrokerFunction, StartOptions } from "../../broker/main.ts";
import { keepHeapSmall, letHeapGrow } from "../../broker/small-heap.ts";
import { serveCalls } from "./child.ts";
import { monotonicMs } from "./load-worker.ts";

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
  /** One-time address of the page. */
  loginUrl: string;
}

/** When each report of a worker came in, ms of `monotonicMs`, by its address. */
export type Received = Record<string, number>;

let running: RunningBroker | undefined;
let received: Received | undefined;

// As `tally serve` does.
keepHeapSmall();
serveCalls(
  {
    async start({ program, dataFolder, agents }: BrokerChildOptions): Promise<BrokerAddress> {
      const { startBroker } = (await import(program)) as { startBroker: typeof startBrokerFunction };
      const options: StartOptions = { dataFolder, port: 0, ...(!agents && { launcher: null }) };
      running = await startBroker(options);
      letHeapGrow();
      return { url: running.url, token: running.adminToken, loginUrl: running.loginUrl };
    },
    /** Processor time used so far, ms. */
    cpu(): number {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    /** From now on it is noted when each report comes in. */
    noteReports(): void {
      if (received === undefined) subscribe("http.server.request.start", noteReport);
      received = {};
    },
    received: (): Received => received ?? {},
  },
  () => running?.stop(),
);

/** Node says so when it has read the head of a request, before the broker is asked. */
function noteReport(message: unknown): void {
  const { url } = (message as { request: IncomingMessage }).request;
  if (received !== undefined && url?.endsWith("/reports") === true) received[url] = monotonicMs();
}
