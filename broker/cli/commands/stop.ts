// tally stop: stops the broker and waits until it is gone.
import { setTimeout as pause } from "node:timers/promises";
import { brokerHelp, brokerOptions, readArguments } from "../arguments.ts";
import { findBroker, isHealthy } from "../connect.ts";
import { exitCodes, Failure } from "../failure.ts";
import { tally } from "../own-name.ts";
import { write } from "../write.ts";

/** The help text of `tally stop`. */
export const stopHelp = `tally stop

Stops the broker. Frames being rendered go back and are rendered again when it is started next; nothing is lost.

${brokerHelp}`;

const patienceMs = 60_000;
const lookEveryMs = 50;

/** Runs `tally stop`. */
export async function stop(args: string[]): Promise<number> {
  const { values } = readArguments("stop", args, brokerOptions);
  const client = findBroker(values);
  if (!(await isHealthy(client))) {
    if (values.json) await write('{"stopped":false}\n');
    else await write("No broker is running; there is nothing to stop.\n");
    return exitCodes.noBroker;
  }
  await client.call("post", "/v1/system/stop");
  const until = Date.now() + patienceMs;
  // oxlint-disable-next-line no-await-in-loop -- this waits for the other process to be gone
  while (await isHealthy(client)) {
    if (Date.now() > until)
      throw new Failure(
        `The broker at ${client.url} was asked to stop and still answers. Look at it: ${tally("doctor")}`,
      );
    // oxlint-disable-next-line no-await-in-loop -- see above
    await pause(lookEveryMs);
  }
  await write(
    values.json
      ? '{"stopped":true}\n'
      : `The broker has stopped; unfinished jobs go on when it is started again: ${tally("serve")}\n`,
  );
  return exitCodes.ok;
}
