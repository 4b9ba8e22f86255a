// A broker in a process of its own, so that a test can kill it. Prints one JSON line when it answers.
import { startBroker } from "../../broker/main.ts";
import type { Limits } from "../../broker/service/broker.ts";

const [dataFolder = "", port = "0", limits = "{}"] = process.argv.slice(2);
const running = await startBroker({
  dataFolder,
  port: Number(port),
  launcher: null,
  limits: JSON.parse(limits) as Partial<Limits>,
});
console.log(JSON.stringify({ url: running.url, adminToken: running.adminToken }));
