// The program of a test: brings a file home to a disk that is full, then read-only, then has room; run as its own
// process in a mount namespace of its own, where it may mount a small disk.
import { execFileSync } from "node:child_process";
import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bringHome } from "../../broker/service/bring-home.ts";

const [, , disk = "", staged = ""] = process.argv;
const mount = (...options: string[]) => execFileSync("mount", [...options, disk]);
const bytes = 256 * 1024;
const file = { id: 7, staged, name: join(disk, "shot_0001.png"), bytes, conflict: "overwrite" as const };
const steps: { result: unknown; files: string[] }[] = [];
const attempt = async () => steps.push({ result: await bringHome(file), files: readdirSync(disk) });

writeFileSync(staged, "x".repeat(bytes));
mount("-t", "tmpfs", "-o", "size=64k", "tmpfs");
await attempt();
mount("-o", "remount,ro");
await attempt();
mount("-o", "remount,rw,size=4m");
await attempt();
console.log(JSON.stringify(steps));
