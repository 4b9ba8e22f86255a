// tally blender: the Blenders of this machine, and installing one.
import { brokerOptions, readArguments, usage } from "../arguments.ts";
import { configuredBlenders } from "../machine.ts";
import { dataFolderOf } from "../connect.ts";
import { exitCodes, Failure } from "../failure.ts";
import { shortPath } from "../humane.ts";
import { tally } from "../own-name.ts";
import { paint, table } from "../style.ts";
import { write } from "../write.ts";

/** The help text of `tally blender`. */
export const blenderHelp = `tally blender list
tally blender install X.Y

Lists the Blenders that jobs can use on this machine, or installs one: the official bpy wheel, into a private folder,
without sudo. A scene renders on the series it was saved with, else on the nearest newer one.

  --data DIR             the data folder, for its tally.yaml; default: TALLY_DATA
  --json                 answer in JSON
`;

/** Runs `tally blender`. */
export async function blender(args: string[]): Promise<number> {
  const { values, positionals } = readArguments(
    "blender",
    args,
    { data: brokerOptions.data, json: brokerOptions.json },
    { most: 2, what: "list, or install and a series" },
  );
  const [verb = "list", series] = positionals;
  if (verb === "install") {
    if (series === undefined) throw usage("blender", "Which Blender? Give its series, such as 4.5.");
    return install(series, values.json ?? false);
  }
  if (verb !== "list") throw usage("blender", `tally blender knows list and install, not "${verb}".`);
  const { findBlenders } = await import("../../../container/agent/blender/discover.ts");
  const found = await findBlenders({ config: { blenders: await configuredBlenders(dataFolderOf(values)) } });
  if (values.json) {
    await write(`${JSON.stringify({ blenders: found })}\n`);
  } else if (found.length === 0) {
    await write(`There is no Blender on this machine. Install one: ${tally("blender install 4.5")}\n`);
  } else {
    const rows = found.map((one) => [one.series, one.version, one.kind, shortPath(one.path, 70)]);
    await write(table([["series", "version", "kind", "where"].map((word) => paint("dim", word)), ...rows]));
  }
  return exitCodes.ok;
}

async function install(series: string, json: boolean): Promise<number> {
  const { installBlender } = await import("../../../container/agent/blender/install.ts");
  let made;
  try {
    made = await installBlender(series, { log: (line) => console.error(line) });
  } catch (error) {
    // Its sentences say what was missing: Python, space, the series itself.
    throw error instanceof Error ? new Failure(error.message) : error;
  }
  await write(json ? `${JSON.stringify(made)}\n` : `Blender ${made.version} is ready for jobs.\n`);
  return exitCodes.ok;
}
