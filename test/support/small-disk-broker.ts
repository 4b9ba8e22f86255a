// The program of a broker whose data folder lies on a disk of its own that is small; run in a mount namespace of its
// own, where it may mount one. Any line on its input makes the disk large.
import { execFileSync } from "node:child_process";
import { createInterface } from "node:readline";
import { startBroker } from "../../broker/main.ts";

const [, , dataFolder = ""] = process.argv;
execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", dataFolder]);
const { url, adminToken } = await startBroker({ dataFolder, port: 0, launcher: null });
console.log(JSON.stringify({ url, adminToken }));
for await (const _ of createInterface({ input: process.stdin })) {
  execFileSync("mount", ["-o", "remount,size=512m", dataFolder]);
  console.log("large");
}
