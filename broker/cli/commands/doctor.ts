// tally doctor: says what is missing on this machine, and how to mend it.
import { execFile } from "node:child_process";
import { access, constants, mkdir, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { brokerOptions, readArguments } from "../arguments.ts";
import {
  dataFolderOf,
  findBroker,
  isHealthy,
  isNamed,
  readConnection,
  type BrokerOptions,
} from "../connect.ts";
import { exitCodes } from "../failure.ts";
import { shortPath, size } from "../humane.ts";
import { configuredBlenders } from "../machine.ts";
import { tally } from "../own-name.ts";
import { paint, table } from "../style.ts";
import { write } from "../write.ts";

/** The help text of `tally doctor`. */
export const doctorHelp = `tally doctor

Looks at this machine: what Tally needs, what it can use, and how to mend what is missing. Changes nothing.

  --broker URL, --token TEXT, --data DIR   as for the other commands
  --json                                   {well, findings: [{what, level, detail, mend}]}

Ends with 0 when everything that is needed is there, 1 when not.
`;

/** `ok`: there. `note`: not there, and not needed for everything. `missing`: nothing goes without it. */
export interface Finding {
  what: string;
  level: "ok" | "note" | "missing";
  detail: string;
  mend?: string;
}

const run = promisify(execFile);
const leastFreeBytes = 2_000_000_000;

/** Runs `tally doctor`. */
export async function doctor(args: string[]): Promise<number> {
  const { values } = readArguments("doctor", args, brokerOptions);
  const dataFolder = dataFolderOf(values);
  const findings = [
    ...node(),
    ...(
      await Promise.all([
        folder(dataFolder),
        configuration(dataFolder),
        broker(values, dataFolder),
        blenders(dataFolder),
        python(),
        ffmpeg(),
      ])
    ).flat(),
  ];
  const well = findings.every(({ level }) => level !== "missing");
  if (values.json) {
    await write(`${JSON.stringify({ well, findings })}\n`);
  } else {
    const words = {
      ok: paint("green", "ok"),
      note: paint("yellow", "note"),
      missing: paint("red", "missing"),
    };
    const rows = findings.flatMap(({ what, level, detail, mend }) => [
      [words[level], what, detail],
      ...(mend === undefined ? [] : [["", "", paint("dim", mend)]]),
    ]);
    await write(table(rows));
    await write(
      well ? "\nTally can render here.\n" : "\nMend what is missing, then type: " + tally("doctor") + "\n",
    );
  }
  return well ? exitCodes.ok : exitCodes.failed;
}

function node(): Finding[] {
  const version = process.versions.node;
  if (Number(version.split(".")[0]) >= 24) return [{ what: "Node", level: "ok", detail: version }];
  return [
    { what: "Node", level: "missing", detail: `${version} is too old`, mend: "Install Node 24 or newer." },
  ];
}

async function folder(dataFolder: string): Promise<Finding[]> {
  const what = "Data folder";
  try {
    await mkdir(dataFolder, { recursive: true, mode: 0o700 });
    await access(dataFolder, constants.R_OK | constants.W_OK);
    const { bavail, bsize } = await statfs(dataFolder);
    const free = bavail * bsize;
    const detail = `${shortPath(dataFolder, 60)}, ${size(free)} free`;
    if (free >= leastFreeBytes) return [{ what, level: "ok", detail }];
    return [
      {
        what,
        level: "note",
        detail,
        mend: "That is little. Free some space, or use another disk with --data.",
      },
    ];
  } catch {
    const mend = `Make ${dirname(dataFolder)} writable, or choose another folder: TALLY_DATA, or --data DIR.`;
    return [{ what, level: "missing", detail: `${dataFolder} cannot be written`, mend }];
  }
}

/** Nothing where there is none or it is right: most people have no configuration. */
async function configuration(dataFolder: string): Promise<Finding[]> {
  const { ConfigError, readConfig } = await import("../../config.ts");
  try {
    readConfig(dataFolder);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const [detail = "", ...mistakes] = error.message.split("\n").filter((line) => line.trim() !== "");
    const mend = [...mistakes.map((line) => line.trim()), "The settings there are: docs/config.md"].join(
      "; ",
    );
    return [{ what: "Configuration", level: "missing", detail, mend }];
  }
}

async function broker(options: BrokerOptions, dataFolder: string): Promise<Finding[]> {
  const what = "Broker";
  const mend = `Start it: ${tally("serve")} (${tally("submit")} starts one by itself)`;
  if (!isNamed(options) && readConnection(dataFolder) === undefined)
    return [{ what, level: "note", detail: "not started yet", mend }];
  const client = findBroker(options);
  if (await isHealthy(client)) return [{ what, level: "ok", detail: client.url }];
  if (isNamed(options))
    return [
      {
        what,
        level: "missing",
        detail: `${client.url} does not answer`,
        mend: "Check the address and that it runs.",
      },
    ];
  return [{ what, level: "note", detail: "not running", mend }];
}

async function blenders(dataFolder: string): Promise<Finding[]> {
  const { findBlenders } = await import("../../../container/agent/blender/discover.ts");
  const found = await findBlenders({ config: { blenders: await configuredBlenders(dataFolder) } });
  if (found.length === 0) {
    const mend = `Install one: ${tally("blender install 4.5")} (scenes need it; other jobs do not)`;
    return [{ what: "Blender", level: "missing", detail: "none found", mend }];
  }
  const denoises = found.some((one) => !isDistribution(one));
  return found.map((one): Finding => {
    const detail = `${one.version}  ${shortPath(one.path, 60)}${one.kind === "bpy" ? " (bpy wheel)" : ""}`;
    if (isDistribution(one) && !denoises) {
      const mend = `The distribution's Blender has no denoiser (OpenImageDenoise). For scenes that denoise: ${tally(`blender install 4.5`)}`;
      return { what: "Blender", level: "note", detail, mend };
    }
    return { what: "Blender", level: "ok", detail };
  });
}

/** Debian and Ubuntu build Blender without OpenImageDenoise: Cycles' denoiser is then silently absent. */
function isDistribution({ kind, path }: { kind: string; path: string }): boolean {
  return process.platform === "linux" && kind === "blender" && path === "/usr/bin/blender";
}

async function python(): Promise<Finding[]> {
  const what = "Python 3.11";
  for (const name of ["python3.11", "python3"]) {
    // oxlint-disable-next-line no-await-in-loop -- the second is asked only when the first is not there
    const answer = await run(name, ["--version"], { timeout: 10_000 }).catch(() => undefined);
    const version = /^Python (3\.11\.\d+)/.exec(answer?.stdout ?? "")?.[1];
    if (version !== undefined) return [{ what, level: "ok", detail: version }];
  }
  const mend = `Only for \`${tally("blender install")}\`: install Python 3.11 with its venv module.`;
  return [{ what, level: "note", detail: "not found", mend }];
}

async function ffmpeg(): Promise<Finding[]> {
  const answer = await run("ffmpeg", ["-version"], { timeout: 10_000 }).catch(() => undefined);
  const version = /^ffmpeg version (\S+)/.exec(answer?.stdout ?? "")?.[1];
  if (version !== undefined) return [{ what: "ffmpeg", level: "ok", detail: version }];
  return [
    {
      what: "ffmpeg",
      level: "note",
      detail: "not found",
      mend: "Only for films, and for small pictures of other programs' frames: install ffmpeg.",
    },
  ];
}
