// `tally-blender start|render|stop`: the tool that the Blender template calls inside a session.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, open } from "node:fs/promises";
import { connect } from "node:net";
import { join, resolve } from "node:path";
import { isWindowsPath } from "../../../broker/openjd/path-mapping.ts";
import { NO_INPUT } from "../trouble.ts";
import { copyAsIfAt } from "./blendfile.ts";
import { serveSession } from "./daemon.ts";
import type { DaemonOrder } from "./daemon.ts";
import { blenderAt, chooseBlender, compareSeries, findBlenders } from "./discover.ts";
import type { BlenderInstall } from "./discover.ts";
import { readBlendHeader } from "./header.ts";
import { atHome, placeOfScene, readRules } from "./rules.ts";
import { parseFrames, parseSettings } from "./settings.ts";
import { onLines, sendLine, socketPath } from "./wire.ts";
import type { FromDaemon, ToDaemon } from "./wire.ts";

const USAGE = "Usage: tally-blender start --scene=FILE [...] | render --frames=RANGE | stop";

/** Runs one command and returns its exit code. */
export async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const [command, ...rest] = args;
  try {
    if (command === "daemon") return await runDaemon();
    const sessionFolder = env["TALLY_SESSION_DIR"];
    if (!sessionFolder)
      throw new Error("TALLY_SESSION_DIR is not set: tally-blender is for Tally's workers, not to be typed.");
    if (command === "start") return await start(rest, env, sessionFolder);
    if (command === "render") return await render(rest, env, sessionFolder);
    if (command === "stop") return await stop(sessionFolder);
    throw new Error(USAGE);
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error));
  }
}

let unsaid = "";

/** Prints a line, together with all others of the same turn. */
function say(line: string): void {
  if (unsaid === "") {
    queueMicrotask(() => {
      const text = unsaid;
      unsaid = "";
      process.stdout.write(text);
    });
  }
  unsaid += `${line}\n`;
}

/** What a scene prints must not pass for a report of ours. */
function harmless(lines: string): string {
  return lines.replaceAll(/^[^\S\n]*(?:openjd_|tally_frame)/gim, "| $&");
}

function fail(reason: string): number {
  // OpenJD's own way for an action to say why it failed.
  say(`openjd_fail: ${reason.replaceAll("\n", " ")}`);
  return 1;
}

async function start(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  sessionFolder: string,
): Promise<number> {
  const settings = parseSettings(args, env);
  const scene = resolve(settings.scene);
  const original = isWindowsPath(settings.original) ? settings.original : resolve(settings.original);
  const rules = await readRules(settings.rules);
  const place = placeOfScene(original, scene, rules);
  const header = await readBlendHeader(scene);
  if ("problem" in header) {
    fail(atHome(header.problem, original, rules).replaceAll(scene, original));
    return header.missing ? NO_INPUT : 1;
  }
  const install = await installFor(header.version, env);
  const scratch = join(sessionFolder, "blender");
  await mkdir(scratch, { recursive: true, mode: 0o700 });
  const copy = join(scratch, "scene.blend");
  await copyAsIfAt(scene, place, copy);
  const order: DaemonOrder = {
    install,
    settings: { ...settings, scene, original, place },
    copy,
    sessionFolder,
    scratch,
  };
  await spawnDaemon(order, scratch);
  return talk(sessionFolder, { do: "open" });
}

async function installFor(version: string, env: NodeJS.ProcessEnv): Promise<BlenderInstall> {
  const given = env["TALLY_BLENDER"];
  if (given) {
    const install = await blenderAt(given, env);
    if (install === null)
      throw new Error(`${given} is not a Blender that starts. Look at what is there with: tally doctor`);
    if (compareSeries(install.series, version) >= 0) return install;
    throw new Error(
      `The scene was saved with Blender ${version}, and this worker was given Blender ${install.version}, which is older. Install it with: tally blender install ${version}`,
    );
  }
  const chosen = chooseBlender(await findBlenders({ env }), version);
  if ("problem" in chosen) throw new Error(chosen.problem);
  return chosen.install;
}

/** Starts the background process and returns once it listens. */
async function spawnDaemon(order: DaemonOrder, scratch: string): Promise<void> {
  const log = await open(join(scratch, "daemon.log"), "a", 0o600);
  try {
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", "daemon"], {
      detached: true,
      windowsHide: true,
      stdio: ["ignore", log.fd, log.fd, "ipc"],
    });
    await new Promise<void>((done, reject) => {
      child.once("message", () => done());
      child.once("error", reject);
      child.once("exit", (code) =>
        reject(
          new Error(
            `Blender's background process could not be started (exit code ${code ?? "none"}). Read ${join(scratch, "daemon.log")}.`,
          ),
        ),
      );
      child.send(order);
    });
    child.removeAllListeners();
    child.disconnect();
    child.unref();
  } finally {
    await log.close();
  }
}

async function runDaemon(): Promise<number> {
  const order = await new Promise<DaemonOrder>((done) =>
    process.once("message", (message) => done(message as DaemonOrder)),
  );
  await serveSession(order, () => process.send?.("listening"));
  // Not by running out of work: a client waits for its socket to close as the sign that this process is gone.
  process.exit(0);
}

async function render(
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  sessionFolder: string,
): Promise<number> {
  const folder = env["TALLY_LEASE_DIR"];
  if (!folder)
    throw new Error("TALLY_LEASE_DIR is not set: tally-blender is for Tally's workers, not to be typed.");
  const given = args.find((arg) => arg.startsWith("--frames="))?.slice("--frames=".length);
  if (given === undefined) throw new Error(USAGE);
  const limit = Number(env["TALLY_FRAME_TIMEOUT"] ?? 0);
  return talk(sessionFolder, {
    do: "render",
    frames: parseFrames(given),
    folder,
    timeout: limit > 0 ? limit : null,
  });
}

async function stop(sessionFolder: string): Promise<number> {
  if (process.platform !== "win32" && !existsSync(socketPath(sessionFolder))) return 0;
  // A session that has already ended is as stopped as it can be.
  await talk(sessionFolder, { do: "stop" }).catch(() => 0);
  return 0;
}

/** Sends one request, relays what comes back, and returns the exit code. */
function talk(sessionFolder: string, request: ToDaemon): Promise<number> {
  return new Promise((done, reject) => {
    const socket = connect(socketPath(sessionFolder));
    let ended = false;
    const end = (code: number): void => {
      ended = true;
      socket.end();
      done(code);
    };
    const lost = (how: string): void =>
      reject(
        new Error(
          `Blender's background process ${how}. Requeue its frames to start a new one: tally requeue`,
        ),
      );
    let last: number | null = null;
    socket.on("error", () => lost("has ended"));
    socket.on("close", () => {
      if (last !== null) done(last);
      else if (!ended) lost("ended while it rendered");
    });
    socket.on("connect", () => sendLine(socket, request));
    onLines<FromDaemon>(socket, (message) => {
      if (message.is === "log") say(harmless(message.line));
      else if (message.is === "frame") say(`tally_frame: ${JSON.stringify(message.frame)}`);
      else if (message.is === "ready") {
        say(message.text);
        end(0);
      } else if (message.is === "fatal" && request.do === "open") {
        last = fail(message.reason);
      } else if (message.is === "done" && request.do === "stop") {
        last = 0;
      } else if (message.is === "done") end(0);
      else end(fail(message.reason));
    });
  });
}

if (process.argv[1] !== undefined && /[\\/](?:client\.ts|tally-blender\.mjs)$/.test(process.argv[1])) {
  process.exitCode = await main(process.argv.slice(2), process.env);
}
