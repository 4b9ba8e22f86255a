// The flags of `tally submit`: what is typed, and what it means for a job.
import { randomUUID } from "node:crypto";
import { codecs, qualities } from "./film.ts";
import { frameOrders, type SubmitInput } from "../contract/job.ts";
import { brokerHelp, brokerOptions, readArguments, readChoice, readWhole, usage } from "./arguments.ts";
import { exitCodes, Failure } from "./failure.ts";
import { FramesMistake, parseFrames, type Frames } from "./frames.ts";
import { tally } from "./own-name.ts";

/** The help text of `tally submit`. */
export const submitHelp = `tally submit SCENE.blend   [--frames 1-120] [-o FOLDER/NAME_####] …
tally submit TEMPLATE.yaml [-p NAME=VALUE]…
tally submit --template NAME [-p NAME=VALUE]…
tally submit BUNDLE_FOLDER [-p NAME=VALUE]…

Submits a job and returns: its number, its first and last file, and how to watch it. What is not said is taken from the
scene. The scene renders as it is now, whatever is saved later. Without a broker on this machine, one is started.
A bundle is a folder with template.yaml and, if you like, parameter_values.yaml and asset_references.yaml (Deadline Cloud).

What to render
  --frames LIST          1-10,15,20-40:2; x2 and 1..10 are fine too. Default: the scene's range
  --scene NAME           this scene of the file      --view-layer NAME      this view layer alone
  --camera NAME          this camera                 --engine NAME          cycles, eevee, workbench, or an add-on's
  --samples N            samples a pixel             --scale PERCENT        of the scene's resolution
  --motion-blur on|off                               --device cpu|gpu|gpu-or-cpu
  --blender X.Y          this Blender. Default: the one that the scene was saved with, else the nearest newer one
Where it goes
  -o, --output NAME      a folder, or a file name with #### for the frame. Default: the scene's own
  --format FORMAT        PNG, JPEG, OPEN_EXR, …
  --overwrite, --skip    when a file is there already. Default: as the scene says
  --encode [CODEC]       a film of the frames too, beside them: ${codecs.join(", ")}; default: h264
  --quality, --fps       the film's: ${qualities.join(", ")} (default: high); default rate: the scene's
Input files
  --upload, --in-place   send what the job reads, or let it be read where it lies. Default: where all workers are on this
                         machine only the scene itself is copied; else the scene and all that it uses are sent, once
How it runs
  --name TEXT            the job's name              --priority N           0 to 100, higher first; default: 50
  --pool NAME            only workers of this pool   --label KEY=VALUE      may be given several times
  --order ORDER          ${frameOrders.join(", ")}
  --retries N            tries again after a frame fails; default: 2
  --max-failed N         the job stops after so many failed frames; default: 10
  --frame-timeout TIME   stops a frame that takes longer: 90, 90s, 15m, 2h. Default: never
  --paused               waits for \`tally resume\`
  -p, --parameter N=V    a template's parameter; also -p file://params.yaml
Go on although …
  --allow-missing        files are missing, or scripts do not run
  --allow-scripts        run the scripts and drivers in the scene
  --allow-shared-output  another job writes the same files
Afterwards
  --dry-run              shows frames, tasks and size; submits nothing
  --wait                 waits; ends with 0 only if every frame succeeded and is home
  --lines                with --wait: a line for each frame on a terminal too
${brokerHelp}`;

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

/** Flags that change a scene; a template has parameters instead. */
const sceneOptions = {
  scene: text,
  "view-layer": text,
  camera: text,
  engine: text,
  samples: text,
  scale: text,
  "motion-blur": text,
  device: text,
  blender: text,
  format: text,
  "allow-scripts": flag,
  encode: text,
  quality: text,
  fps: text,
} as const;

const options = {
  ...brokerOptions,
  ...sceneOptions,
  frames: text,
  output: { type: "string", short: "o" },
  overwrite: flag,
  skip: flag,
  name: text,
  priority: text,
  pool: text,
  label: { type: "string", multiple: true },
  order: text,
  retries: text,
  "max-failed": text,
  "frame-timeout": text,
  paused: flag,
  template: text,
  parameter: { type: "string", short: "p", multiple: true },
  "allow-missing": flag,
  upload: flag,
  "in-place": flag,
  "allow-shared-output": flag,
  "dry-run": flag,
  wait: flag,
  lines: flag,
} as const;

export type SubmitValues = ReturnType<typeof readSubmit>["values"];

/** Reads the arguments of `tally submit`. Throws a Failure of usage. */
export function readSubmit(args: readonly string[]) {
  const { values, positionals } = readArguments("submit", joinEncode(args), options, {
    most: 1,
    what: "one scene, template or bundle",
  });
  const [file] = positionals;
  if (values.overwrite && values.skip)
    throw usage("submit", "--overwrite and --skip say opposite things: give one of them.");
  if (values.upload && values["in-place"])
    throw usage("submit", "--upload and --in-place say opposite things: give one of them.");
  if (file === undefined && values.template === undefined)
    throw usage("submit", `What should be rendered? Give a scene: ${tally("submit shot.blend")}.`);
  if (file !== undefined && values.template !== undefined)
    throw usage("submit", `Give either a file or --template, not both ${file} and ${values.template}.`);
  return { values, file };
}

/** `--encode` may stand alone; parseArgs wants a value. */
function joinEncode(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const argument = args[at] as string;
    if (argument === "--") return [...joined, ...args.slice(at)];
    if (argument !== "--encode") {
      joined.push(argument);
      continue;
    }
    const next = args[at + 1]?.toLowerCase();
    const isCodec = codecs.some((codec) => codec === next);
    joined.push(`--encode=${isCodec ? next : codecs[0]}`);
    if (isCodec) at += 1;
  }
  return joined;
}

/** Throws a Failure of usage for a flag that only scenes have, given with a template. */
export function refuseSceneFlags(values: SubmitValues): void {
  const given = (Object.keys(sceneOptions) as (keyof SubmitValues)[]).find(
    (name) => values[name] !== undefined,
  );
  if (given !== undefined)
    throw usage(
      "submit",
      `--${given} is for Blender scenes. A template's parameters are given with -p NAME=VALUE.`,
    );
}

/** The frames that --frames names, or undefined. Throws a Failure of usage with the sentence about the mistake. */
export function readFramesFlag(values: SubmitValues): Frames | undefined {
  if (values.frames === undefined) return undefined;
  try {
    return parseFrames(values.frames);
  } catch (error) {
    if (error instanceof FramesMistake) throw new Failure(error.message, exitCodes.usage);
    throw error;
  }
}

type Settings = NonNullable<SubmitInput["settings"]>;

/** Tally's own settings of the job, as far as flags give them. Throws a Failure of usage. */
export function readSettings(values: SubmitValues): Settings {
  const whole = (name: "priority" | "retries" | "max-failed", least: number, most: number) => {
    const given = values[name];
    return given === undefined ? undefined : readWhole("submit", `--${name}`, given, least, most);
  };
  const priority = whole("priority", 0, 100);
  const maxRetries = whole("retries", 0, 100);
  const maxFailedTasks = whole("max-failed", 1, 100_000);
  const frameTimeoutSeconds = readTimeout(values);
  const order =
    values.order === undefined ? undefined : readChoice("submit", "--order", values.order, frameOrders);
  return {
    ...(values.name !== undefined && { name: values.name }),
    ...(priority !== undefined && { priority }),
    ...(values.pool !== undefined && { pool: values.pool }),
    ...(maxRetries !== undefined && { maxRetries }),
    ...(maxFailedTasks !== undefined && { maxFailedTasks }),
    ...(frameTimeoutSeconds !== undefined && { frameTimeoutSeconds }),
    ...(order !== undefined && { order }),
    ...(values.paused && { paused: true }),
    ...(values.overwrite && { conflict: "overwrite" as const }),
    ...(values.skip && { conflict: "skip" as const }),
    ...(values["allow-shared-output"] && { allowSharedOutput: true }),
    labels: Object.fromEntries((values.label ?? []).map(readLabel)),
  };
}

/** --frame-timeout in whole seconds. */
export function readTimeout(values: SubmitValues): number | undefined {
  const given = values["frame-timeout"];
  if (given === undefined) return undefined;
  const [, number, unit = "s"] = /^(\d{1,7})\s*([smh])?$/.exec(given) ?? [];
  const seconds = Number(number) * { s: 1, m: 60, h: 3600 }[unit as "s" | "m" | "h"];
  if (number !== undefined && seconds > 0 && seconds <= 2_592_000) return seconds;
  throw usage("submit", `--frame-timeout must be a time such as 90s, 15m or 2h, not "${given}".`);
}

/** One for each time the command runs: a request that had to be sent twice makes one job. */
export function newIdempotencyKey(): string {
  return `cli-${randomUUID()}`;
}

function readLabel(label: string): [string, string] {
  const at = label.indexOf("=");
  if (at > 0) return [label.slice(0, at), label.slice(at + 1)];
  throw usage("submit", `--label ${label} is not KEY=VALUE. Write for example --label show=orbit.`);
}
