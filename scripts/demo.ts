// The demo: a broker, a small animation of Tally's own, one line a frame, and what to type next.
import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs, promisify } from "node:util";
import { findOrStart, type FoundBroker } from "../broker/cli/background.ts";
import { runCommandLine } from "../broker/cli/command-line.ts";
import { dataFolderOf } from "../broker/cli/connect.ts";
import { exitCodes, explain, Failure } from "../broker/cli/failure.ts";
import { configuredBlenders } from "../broker/cli/machine.ts";
import { newPageAddress } from "../broker/cli/page-address.ts";
import { driverFolder, pythonCommand } from "../container/agent/blender/blender-process.ts";
import { findBlenders, type BlenderInstall } from "../container/agent/blender/discover.ts";

const run = promisify(execFile);

async function demo(args: string[]): Promise<number> {
  const values = readArguments(args);
  if (values.data !== undefined) process.env["TALLY_DATA"] = resolve(values.data);
  const dataFolder = dataFolderOf(values);
  const found = await findBlenders({ config: { blenders: await configuredBlenders(dataFolder) } });
  const folder = resolve("tally-demo");
  await mkdir(folder, { recursive: true });
  const broker = await startBroker(values.port === undefined ? undefined : Number(values.port));
  console.log(
    `The broker ${broker.started ? "runs in the background" : "is running already"} at ${broker.client.url}`,
  );
  const page = await pageOf(broker);
  if (page !== undefined) console.log(`  its page (this address works once): ${page}`);
  const blender = found.findLast((one) => one.kind === "bpy") ?? found[0];
  if (blender === undefined) console.log("There is no Blender here, so small drawings stand in for frames.");
  else console.log(`Making the scene tally-demo/tally-demo.blend with Blender ${blender.version} …`);
  const job = blender === undefined ? sample(folder) : await scene(blender, folder);
  // A demo that is started twice writes the same files, and that is fine.
  const code = await runCommandLine(["submit", ...job, "--allow-shared-output", "--wait", "--lines"]);
  if (code !== 0) return code;
  const next =
    blender === undefined
      ? "npx tally blender install 4.5"
      : "npx tally submit tally-demo/tally-demo.blend --frames 1-24x2 --scale 200 -o tally-demo/large/";
  console.log(`
The frames:   ${folder}
Type next:    ${next}
Your own:     npx tally submit, and the name of a .blend
To stop:      npx tally stop   (until then the broker stays up in the background)`);
  return 0;
}

function readArguments(args: string[]): { data?: string | undefined; port?: string | undefined } {
  try {
    return parseArgs({ args, options: { data: { type: "string" }, port: { type: "string" } } }).values;
  } catch {
    const typed = args.join(" ");
    throw new Failure(
      `The demo takes no "${typed}". Type: npm run demo   (or: npm run demo -- --data FOLDER --port N)`,
      exitCodes.usage,
    );
  }
}

/** The broker of the data folder; on a free port when the usual one is taken by something else. */
async function startBroker(port: number | undefined): Promise<FoundBroker> {
  try {
    return await findOrStart(port === undefined ? {} : { port });
  } catch (error) {
    const isTaken = error instanceof Failure && /^Port \d+ .* is taken/.test(error.message);
    if (port !== undefined || !isTaken) throw error;
    console.log(`${error.message.split(". ")[0]}, so the demo takes a free one.`);
    return findOrStart({ port: 0 });
  }
}

/** A browser that was never here needs a fresh address, also of a broker that ran before. */
async function pageOf({ client, loginUrl }: FoundBroker): Promise<string | undefined> {
  // Refused, as for another broker's token that may not: the demo goes on without.
  return loginUrl ?? (await newPageAddress(client).catch(() => undefined))?.url;
}

async function scene(blender: BlenderInstall, folder: string): Promise<string[]> {
  const file = join(folder, "tally-demo.blend");
  const script = join(driverFolder(), "make_demo_scene.py");
  try {
    await run(blender.path, pythonCommand(blender, script, [file]), { maxBuffer: 1 << 26, timeout: 120_000 });
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim().split("\n").at(-1) ?? String(error);
    throw new Failure(
      `Blender ${blender.version} could not make the demo scene: ${said} Look at this machine: npx tally doctor`,
    );
  }
  return [file, "-o", join(folder, "####"), "--name", "Tally demo"];
}

function sample(folder: string): string[] {
  return ["--template", "generic-sample", "-o", join(folder, "####.svg"), "--name", "Tally demo"];
}

try {
  process.exitCode = await demo(process.argv.slice(2));
} catch (error) {
  const { text, exitCode } = explain(error);
  console.error(text);
  process.exitCode = exitCode;
}
