// The program of a test: brings a file home to a disk that is full, then read-only, then has room; run as its own
// process in a mount namespace of its own, where it may mount a small disk.
import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bringHome } from "../../broker/home/bring-home.ts";
import { sha256Of } from "./blobs.ts";

const [, , disk = "", staged = ""] = process.argv;
const mount = (...options: string[]) => execFileSync("mount", [...options, disk]);
const bytes = 256 * 1024;
const picture = "x".repeat(bytes);
const file = {
  id: 7,
  name: join(disk, "shot_0001.png"),
  bytes,
  sha256: sha256Of(picture),
  conflict: "overwrite" as const,
  source: { file: staged, move: false },
};
const steps: { result: unknown; files: string[] }[] = [];
const attempt = async () => steps.push({ result: await bringHome(file), files: readdirSync(disk) });

writeFileSync(staged, picture);
mount("-t", "tmpfs", "-o", "size=64k", "tmpfs");
await attempt();
mount("-o", "remount,ro");
await attempt();
mount("-o", "remount,rw,size=4m");
await attempt();
console.log(JSON.stringify(steps));
