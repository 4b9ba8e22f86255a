// What a render session is asked for: the arguments of `tally-blender start`, checked.
import { parseArgs } from "node:util";

/** Passed to the driver as JSON; "" and 0 mean "as the scene has it". */
export type RenderSettings = {
  scene: string;
  original: string;
  /** The session's path mapping rules, a file; "" means none. */
  rules: string;
  sceneName: string;
  viewLayer: string;
  camera: string;
  engine: string;
  samples: number;
  motionBlur: "SCENE" | "ON" | "OFF";
  resolutionScale: number;
  device: "" | "CPU" | "GPU" | "GPU_OR_CPU";
  threads: number;
  output: string;
  format: string;
  frameTimeout: number;
  allowMissing: boolean;
  allowScripts: boolean;
};

const TEXTS = [
  "scene",
  "original",
  "named",
  "rules",
  "scene-name",
  "view-layer",
  "camera",
  "engine",
  "output",
  "format",
] as const;
const CHOICES = {
  "motion-blur": ["SCENE", "ON", "OFF"],
  device: ["SCENE", "CPU", "GPU", "GPU_OR_CPU"],
  "allow-missing": ["false", "true"],
  "allow-scripts": ["false", "true"],
} as const;
const NUMBERS = {
  samples: 1_000_000,
  "resolution-scale": 10_000,
  threads: 1024,
  "frame-timeout": 31_536_000,
} as const;

/**
 * Reads the settings of a session from command-line arguments (`--name=value`, every one optional but `--scene`).
 * @throws Error with a sentence that names the wrong argument.
 */
export function parseSettings(args: readonly string[], env: NodeJS.ProcessEnv): RenderSettings {
  const names = [...TEXTS, ...Object.keys(CHOICES), ...Object.keys(NUMBERS)];
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  const { values } = parseArgs({ args: [...args], options, strict: true });
  const text = (name: (typeof TEXTS)[number]): string =>
    typeof values[name] === "string" ? values[name] : "";
  const choice = (name: keyof typeof CHOICES): string => {
    const allowed: readonly string[] = CHOICES[name];
    const value = String(values[name] ?? allowed[0]);
    if (!allowed.includes(value))
      throw new Error(`--${name} is "${value}"; it must be one of ${allowed.join(", ")}.`);
    return value;
  };
  const number = (name: keyof typeof NUMBERS, fallback = "0"): number => {
    const value = Number(values[name] ?? fallback);
    if (!Number.isInteger(value) || value < 0 || value > NUMBERS[name]) {
      throw new Error(
        `--${name} is "${String(values[name] ?? fallback)}"; it must be a whole number from 0 to ${NUMBERS[name]}.`,
      );
    }
    return value;
  };
  if (text("scene") === "") throw new Error("No scene is named. Give one with --scene=FILE.");
  const device = choice("device");
  return {
    scene: text("scene"),
    // A path parameter's value is this machine's; as it was given it is the artist's.
    original: text("original") || text("named") || text("scene"),
    rules: text("rules"),
    sceneName: text("scene-name"),
    viewLayer: text("view-layer"),
    camera: text("camera"),
    engine: text("engine"),
    samples: number("samples"),
    motionBlur: choice("motion-blur") as RenderSettings["motionBlur"],
    resolutionScale: number("resolution-scale"),
    device: (device === "SCENE" ? "" : device) as RenderSettings["device"],
    // A guest on an artist's machine is told how many threads to take unless the job says so itself.
    threads: number("threads") || Number(env["TALLY_THREADS"] ?? 0),
    output: text("output"),
    format: text("format"),
    frameTimeout: number("frame-timeout", env["TALLY_FRAME_TIMEOUT"] || "0"),
    allowMissing: choice("allow-missing") === "true",
    allowScripts: choice("allow-scripts") === "true",
  };
}

/** Reads frames such as `7`, `1-4`, `1-9:2,20` and `-3--1` (OpenJD range expressions). @throws Error with a sentence. */
export function parseFrames(text: string): number[] {
  const frames: number[] = [];
  for (const part of text.split(",")) {
    const match = /^\s*(-?\d+)(?:\s*-\s*(-?\d+)(?:\s*:\s*(-?\d+))?)?\s*$/.exec(part);
    if (match === null) throw new Error(`"${part.trim()}" is no frame range. Write 7, 1-4 or 1-9:2.`);
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    const step = Number(match[3] ?? 1);
    if (step === 0) throw new Error(`The frame range "${part.trim()}" has a step of 0.`);
    if (Math.abs(last - first) / Math.abs(step) > 1_000_000)
      throw new Error(`The frame range "${part.trim()}" is too long.`);
    for (let frame = first; step > 0 ? frame <= last : frame >= last; frame += step) frames.push(frame);
  }
  return frames;
}
