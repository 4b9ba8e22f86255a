// tally serve: runs the broker until it is told to stop.
import { createClient } from "../../contract/client.ts";
import { brokerOptions, readArguments, readWhole } from "../arguments.ts";
import { collectAll, keepHeapSmall, letHeapGrow } from "../../small-heap.ts";
import { dataFolderOf, isHealthy, readConnection } from "../connect.ts";
import { exitCodes, Failure } from "../failure.ts";
import { tally } from "../own-name.ts";
import { newPageAddress, pageAddressText } from "../page-address.ts";
import { paint } from "../style.ts";
import { write } from "../write.ts";

/** The help text of `tally serve`. */
export const serveHelp = `tally serve  [--data DIR] [--port N] [--host H] [--config FILE]

Runs the broker in this terminal: it takes jobs, renders them on this machine, and serves the status page.

  --data DIR      where it keeps everything; default: TALLY_DATA, else the usual place of this system
  --port N        the port to listen on; default: 7878, 0 takes a free one
  --host H        the address to listen on; default: 127.0.0.1, this machine alone
  --config FILE   the configuration; default: tally.yaml in the data folder, where there is one
  --json          say where it listens as one JSON object

Stop it with Ctrl-C, or from anywhere on this machine with: tally stop
`;

/** Runs `tally serve`. Resolves to the exit code when the broker has stopped. */
export async function serve(args: string[]): Promise<number> {
  const { values } = readArguments("serve", args, {
    data: brokerOptions.data,
    json: brokerOptions.json,
    port: { type: "string" },
    host: { type: "string" },
    config: { type: "string" },
  });
  const dataFolder = dataFolderOf(values);
  const port = values.port === undefined ? undefined : readWhole("serve", "--port", values.port, 0, 65_535);
  // Starting makes much garbage once. The heap would grow its space for new objects for that and never give it back,
  // 5 MB of a broker that may then idle for days; so the space keeps its size until all is up.
  keepHeapSmall();
  const { startBroker } = await import("../../main.ts");
  let broker;
  try {
    broker = await startBroker({
      dataFolder,
      ...(port !== undefined && { port }),
      ...(values.host !== undefined && { host: values.host }),
      ...(values.config !== undefined && { configFile: values.config }),
    });
  } catch (error) {
    // A taken port, a folder in use, a mistake in the config, a damaged database: all come with their sentence.
    if (!(error instanceof Error)) throw error;
    const page = values.json ? "" : await pageOfRunning(dataFolder);
    throw new Failure(error.message + page);
  }
  letHeapGrow();
  // Listening for the signals begins before anybody can read the address and send one.
  const stopping = Promise.race([signalled(), broker.stopAsked.then(() => "asked" as const)]);
  const { url, loginUrl } = broker;
  if (values.json) {
    await write(`${JSON.stringify({ url, loginUrl, dataFolder, pid: process.pid })}\n`);
  } else {
    await write(`Tally is running at ${paint("bold", url)}

  Open the status page (this address works once):
  ${loginUrl}

  A new address later: ${tally("page")}
  Data folder: ${dataFolder}
  To stop: Ctrl-C here, or anywhere: ${tally("stop")}

`);
  }
  collectAll();
  const how = await stopping;
  if (!values.json) await write(how === "asked" ? "Asked to stop. " : "Stopping. ");
  await broker.stop();
  if (!values.json) await write("The broker has stopped; jobs go on when it is started again.\n");
  return exitCodes.ok;
}

/** How to open the page of the broker that runs on the data folder already; empty where none does. */
async function pageOfRunning(dataFolder: string): Promise<string> {
  const connection = readConnection(dataFolder);
  if (connection === undefined) return "";
  const client = createClient(connection.url, connection.token);
  if (!(await isHealthy(client))) return "";
  try {
    return `\n\n${pageAddressText(await newPageAddress(client)).trimEnd()}`;
  } catch {
    // It ends just now, or has another token: what went wrong is said all the same.
    return "";
  }
}

/** Resolves at the first signal to end; a second one ends this process at once. */
function signalled(): Promise<"signal"> {
  const { promise, resolve } = Promise.withResolvers<"signal">();
  let asked = 0;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      asked += 1;
      if (asked > 1) process.exit(exitCodes.failed);
      resolve("signal");
    });
  }
  return promise;
}
