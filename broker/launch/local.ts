// Starts agents as processes of this machine. They outlive a broker that is killed, and find it again when it is back.
import { spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { listMarked } from "../../container/agent/platform/processes.ts";
import type { LaunchHandle, Launcher } from "../domain/ports.ts";

export interface LocalLauncherOptions {
  url: string;
  /** The agent's program: a bundle, or its TypeScript source. */
  agentEntry: string;
  workFolder: string;
  /** Where results are staged for the broker; null: they are uploaded. */
  stagingFolder: string | null;
  /** Where the broker's blobs lie on this machine; null: they lie elsewhere. */
  blobFolder: string | null;
  logFolder: string;
  blenders: readonly string[];
}

/** Variables of the broker's own environment that an agent must not see. */
const secretNames = /^(TALLY_|AWS_)/;

/** A launcher of local processes; the token reaches the agent through its environment, never its command line. */
export function createLocalLauncher(options: LocalLauncherOptions): Launcher {
  return {
    start({ launchId, pool, token }) {
      const logs = join(options.logFolder, "agents");
      mkdirSync(logs, { recursive: true, mode: 0o700 });
      mkdirSync(options.workFolder, { recursive: true, mode: 0o700 });
      const log = openSync(join(logs, `${launchId}.log`), "a", 0o600);
      const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !secretNames.test(name)));
      const blobs = options.blobFolder === null ? [] : ["--blobs", options.blobFolder];
      const child = spawn(process.execPath, [options.agentEntry, ...blobs], {
        cwd: options.workFolder,
        // A group of its own: Ctrl-C in the broker's terminal must not reach the renderers.
        detached: true,
        stdio: ["ignore", log, log],
        windowsHide: true,
        env: {
          ...env,
          TALLY_URL: options.url,
          TALLY_TOKEN: token,
          TALLY_LAUNCH_ID: launchId,
          TALLY_POOL: pool,
          TALLY_WORK: options.workFolder,
          ...(options.stagingFolder !== null && { TALLY_STAGING: options.stagingFolder }),
          ...(options.blenders.length > 0 && {
            TALLY_BLENDERS: options.blenders.join(process.platform === "win32" ? ";" : ":"),
          }),
        },
      });
      closeSync(log);
      child.unref();
      const ended = new Promise<string>((resolve) => {
        child.once("error", (error) => resolve(`it could not be started: ${error.message}`));
        child.once("exit", (code, signal) => resolve(signal ? `killed by ${signal}` : `exit code ${code}`));
      });
      return handleOf(launchId, child.pid ?? null, ended);
    },
    adopt({ launchId, pid }) {
      if (!isAgent(pid, launchId)) return null;
      const { promise: ended, resolve } = Promise.withResolvers<string>();
      // Not our child, so nobody tells us when it ends.
      const timer = setInterval(() => {
        if (process.platform === "linux" ? isAgent(pid, launchId) : isAlive(pid)) return;
        clearInterval(timer);
        resolve("it outlived an earlier broker, and has now ended");
      }, lookEveryMs).unref();
      const handle = handleOf(launchId, pid, ended);
      if (process.platform !== "win32") return handle;
      // It may be a stranger with the same number: it hears the order to leave, and is not killed.
      return { ...handle, stop: (graceMs) => Promise.race([ended.then(() => {}), pause(graceMs)]) };
    },
  };
}

/** How often to look whether an adopted agent still lives, ms. */
const lookEveryMs = 250;

function handleOf(launchId: string, pid: number | null, ended: Promise<string>): LaunchHandle {
  const signal = (name: NodeJS.Signals) => {
    try {
      if (pid !== null) process.kill(pid, name);
    } catch {
      // It has ended already.
    }
  };
  return {
    launchId,
    pid,
    ended,
    async stop(graceMs) {
      signal("SIGTERM");
      const timer = setTimeout(() => signal("SIGKILL"), graceMs);
      await ended;
      clearTimeout(timer);
    },
  };
}

/** Whether a process is the agent of this launch: its number may long belong to another. */
function isAgent(pid: number, launchId: string): boolean {
  if (!isAlive(pid)) return false;
  if (process.platform === "win32") return true; // Nobody can read other processes' environments there.
  if (process.platform === "darwin") return listMarked("TALLY_LAUNCH_ID", launchId).includes(pid);
  try {
    const environment = readFileSync(`/proc/${pid}/environ`, "latin1");
    return environment.split("\0").includes(`TALLY_LAUNCH_ID=${launchId}`);
  } catch {
    return false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
