// Asks Blender what a scene wants: the defaults of a job, and what would go wrong, before anything is submitted.
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { driverFolder, pythonCommand, splitLines } from "./blender-process.ts";
import { copyAsIfAt } from "./blendfile.ts";
import type { BlenderInstall } from "./discover.ts";
import { withoutOwnVariables } from "../session/variables.ts";
import { explain, explainDeath } from "./reasons.ts";

export type InspectedScene = {
  name: string;
  viewLayers: { name: string; used: boolean }[];
  cameras: string[];
  camera: string | null;
  /** True only where Blender itself would refuse to render. */
  lacksCamera: boolean;
  engine: string;
  frameStart: number;
  frameEnd: number;
  frameStep: number;
  fps: number;
  samples: number | null;
  resolution: { x: number; y: number; percent: number };
  motionBlur: boolean;
  device: "CPU" | "GPU" | null;
  format: string;
  isMovie: boolean;
  /** False when the scene is set to keep frames that already exist. */
  overwrites: boolean;
  /** `pattern` is for the template's Output; `first` and `last` are what a local render would write. */
  output: {
    raw: string;
    pattern: string;
    home: string;
    first: string;
    last: string;
    /** Folders that File Output nodes save below. */
    beside: string[];
  };
};
export type Inspection = {
  blender: string;
  /** The scene that was active when the file was saved. */
  scene: string;
  scenes: InspectedScene[];
  /** True when this Blender cannot render with the engine that was asked for. */
  lacksEngine: boolean;
  /** Every file it needs beside itself that is there: absolute, each of a sequence and of a UDIM alike, sorted. */
  files: string[];
  /** Folders (caches) that it needs with everything in them; never one that the scene lies in. */
  folders: { path: string; why: string }[];
  /** Files the scene uses that are not there, one line each; of image sequences those of the frames asked for. */
  missing: string[];
  /** Scripts and drivers that would not run without leave, one line each. */
  scripts: string[];
};
export type InspectOptions = {
  /** The bytes to read, if they are not at `original` any more (the snapshot of a submit). */
  copy?: string;
  /** The job's own output pattern and format, for `output.first` and `output.last`. */
  output?: string;
  format?: string;
  /** The engine that the job asks for, to learn whether this Blender has it. */
  engine?: string;
  /** The frames to be rendered, for `missing`; the active scene's own range when left out. */
  frames?: readonly number[];
  /** Milliseconds; 2 minutes when left out. */
  timeout?: number;
};

/**
 * Opens a copy of the scene in one Blender start (0.5 to 1.5 s) and reads it; changes nothing.
 * @throws Error with a sentence when the scene cannot be opened.
 */
export async function inspectScene(
  original: string,
  install: BlenderInstall,
  options: InspectOptions = {},
): Promise<Inspection> {
  const scratch = await mkdtemp(join(tmpdir(), "tally-inspect-"));
  try {
    const copy = join(scratch, "scene.blend");
    await copyAsIfAt(options.copy ?? original, original, copy);
    const { output = "", format = "", engine = "" } = options;
    const result = join(scratch, "result.json");
    const frames = options.frames ?? null;
    const settings = { copy, original, output, format, engine, frames, result };
    return await ask(install, settings, scratch, options.timeout ?? 120_000);
  } catch (error) {
    // Blender names the copy that it read; the person knows the original.
    const words = error instanceof Error ? error.message : String(error);
    throw new Error(words.replaceAll(join(scratch, "scene.blend"), original), { cause: error });
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

type Answer = { event: "inspected" | "refused"; words?: string };

async function ask(
  install: BlenderInstall,
  settings: { result: string },
  scratch: string,
  timeout: number,
): Promise<Inspection> {
  const word = randomBytes(12).toString("hex");
  const path = join(scratch, "settings.json");
  await writeFile(path, JSON.stringify(settings));
  const child = spawn(install.path, pythonCommand(install, join(driverFolder(), "inspect_scene.py")), {
    cwd: scratch,
    stdio: ["ignore", "pipe", "pipe"],
    timeout,
    killSignal: "SIGKILL",
    windowsHide: true,
    // A scene has no business with the token of whoever submits it.
    env: {
      ...withoutOwnVariables(process.env),
      TALLY_DRIVER_WORD: word,
      TALLY_DRIVER_SETTINGS: path,
      TMPDIR: scratch,
    },
  });
  const lines: string[] = [];
  let answer: Answer | null = null;
  const split = splitLines<Answer>(`\x1e${word} `, {
    log: (line) => void lines.push(line),
    message: (message) => {
      answer = message;
    },
  });
  child.stdout.on("data", split.feed);
  child.stderr.on("data", (data: Buffer) => lines.push(...data.toString("utf8").split("\n")));
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve, reject) => {
    child.once("error", (error) =>
      reject(new Error(`Blender could not be started (${error.message}). Check ${install.path}.`)),
    );
    child.once("close", (...how) => resolve(how));
  });
  split.end();
  const said = answer as Answer | null;
  if (said?.event === "inspected") return JSON.parse(await readFile(settings.result, "utf8")) as Inspection;
  if (said?.words) throw new Error(explain(said.words, lines));
  throw new Error(
    explainDeath(code, signal, lines).replace("while it rendered this frame", "while it opened the scene"),
  );
}
