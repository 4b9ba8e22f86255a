// Where Tally keeps everything on this machine: asked by the broker, and by the command line that looks for it.
import { homedir } from "node:os";
import { join } from "node:path";

/** The data folder unless --data says otherwise: TALLY_DATA, else the usual place of this system. */
export function defaultDataFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env["TALLY_DATA"]) return env["TALLY_DATA"];
  if (process.platform === "darwin") return join(homedir(), "Library", "Application Support", "Tally");
  if (process.platform === "win32")
    return join(env["LOCALAPPDATA"] ?? join(homedir(), "AppData", "Local"), "Tally");
  return join(env["XDG_DATA_HOME"] ?? join(homedir(), ".local", "share"), "tally");
}
