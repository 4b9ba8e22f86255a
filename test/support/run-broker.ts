// The program of a broker process: says on one line where it listens, or why it does not.
import { startBroker } from "../../broker/main.ts";

const [, , dataFolder = "", limits = "{}"] = process.argv;
try {
  const { url, adminToken } = await startBroker({
    dataFolder,
    port: 0,
    launcher: null,
    limits: JSON.parse(limits) as object,
  });
  console.log(JSON.stringify({ url, adminToken }));
} catch (error) {
  console.log(JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
  process.exitCode = 1;
}
