// The variables and tools that every process of a session finds: Node, the tools folder, PATH.
import { delimiter } from "node:path";
import { fileURLToPath } from "node:url";
import { withoutOwnVariables } from "./variables.ts";

/** The folder of tools such as `tally-blender`: beside the bundle, or in the sources. */
export const toolsFolder = fileURLToPath(
  new URL(import.meta.url.endsWith(".ts") ? "../tools" : "./tools", import.meta.url),
);

/** What sessions are told about this installation. */
export const toolVariables: Readonly<Record<string, string>> = {
  TALLY_NODE: process.execPath,
  TALLY_TOOLS: toolsFolder,
  // Where this machine's ffmpeg is, when it is not on PATH.
  ...(process.env["TALLY_FFMPEG"] && { TALLY_FFMPEG: process.env["TALLY_FFMPEG"] }),
};

/** The environment of this machine for sessions: no TALLY_… variables, the tools first on PATH. */
export function sessionEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): Record<string, string | undefined> {
  const own = withoutOwnVariables(environment);
  const name = Object.keys(own).find((it) => it.toUpperCase() === "PATH") ?? "PATH";
  const path = own[name];
  return { ...own, [name]: path === undefined || path === "" ? toolsFolder : toolsFolder + delimiter + path };
}
