// From a .blend and flags to a job: looks at the file, asks Blender about it once, and says what would go wrong.
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import type { SubmitInput } from "../contract/job.ts";
import { readWhole, readChoice, usage } from "./arguments.ts";
import { dataFolderOf } from "./connect.ts";
import { Failure } from "./failure.ts";
import { describeFrames, formatFrames, framesBetween, type Frames } from "./frames.ts";
import { counted, frameFile } from "./humane.ts";
import { filmName, filmParameters, frameRate, readFilm } from "./film.ts";
import { configuredBlenders } from "./machine.ts";
import { nearest } from "../contract/nearest.ts";
import { filePattern, formatOfEnding, outputPattern } from "./output-name.ts";
import { checkFormatAndEngine, checkScene, chooseScene, spelledOut } from "./scene-checks.ts";
import type { Prepared } from "./prepared.ts";
import { plain } from "./style.ts";
import { sceneGroup } from "./submit-files.ts";
import { readFramesFlag, readSettings, readTimeout, type SubmitValues } from "./submit-flags.ts";

/** Prepares a scene. Throws a Failure with every mistake at once, each with the flag that mends it. */
export async function prepareScene(file: string, values: SubmitValues): Promise<Prepared> {
  const original = resolve(file);
  const settings = readSettings(values);
  const wantedFrames = readFramesFlag(values);
  const parameters = readSceneParameters(values);
  const film = readFilm(values);
  if (values.parameter !== undefined)
    throw usage(
      "submit",
      `-p ${values.parameter[0]} is for templates. A scene has flags of its own, such as --samples 64.`,
    );
  refuse(file, checkFormatAndEngine(values));
  const { readBlendHeader } = await import("../../container/agent/blender/header.ts");
  const header = await readBlendHeader(original);
  if ("problem" in header) throw new Failure(header.problem + (await similarFile(original)));
  const { findBlenders, chooseBlender } = await import("../../container/agent/blender/discover.ts");
  const installs = await findBlenders({
    config: { blenders: await configuredBlenders(dataFolderOf(values)) },
  });
  const chosen = chooseBlender(installs, header.version, values.blender);
  if ("problem" in chosen) throw new Failure(chosen.problem);
  const { install } = chosen;

  const scratch = await mkdtemp(join(tmpdir(), "tally-submit-"));
  const dispose = () => rm(scratch, { recursive: true, force: true });
  try {
    const { snapshotScene } = await import("../../container/agent/blender/snapshot.ts");
    const { inspectScene } = await import("../../container/agent/blender/inspect.ts");
    const copy = join(scratch, "scene.blend");
    const snapshot = await snapshotScene(original, copy).catch(sentence);
    const output = values.output === undefined ? "" : outputPattern(values.output, original, process.cwd());
    const asked = values.format === undefined ? "" : spelledOut(values.format);
    const inspection = await inspectScene(original, install, {
      copy,
      output,
      format: asked,
      engine: String(parameters["Engine"] ?? ""),
      ...(wantedFrames && { frames: wantedFrames }),
    }).catch(sentence);
    const scene = chooseScene(inspection, values.scene);
    if (typeof scene === "string") throw new Failure(scene);
    const format = asked || formatOfEnding(output, scene.format);
    refuse(file, checkScene(inspection, scene, format === "" ? values : { ...values, format }));
    const all = wantedFrames ?? sceneFrames(scene);
    const pattern = filePattern(scene.output, scene.frameStart, original);
    // A film is made of what this job renders: frames that are home already are rendered again for it.
    const conflict = settings.conflict ?? (film || scene.overwrites ? "overwrite" : "skip");
    const frames = conflict === "skip" ? stillToRender(all, pattern) : all;
    const name = plain(basename(original).replace(/\.blend\d*$/i, ""));
    const filmPath = film === undefined ? null : filmName(pattern, name, film);
    const body: SubmitInput = {
      templateName: film === undefined ? "blender-render" : "blender-film",
      parameters: {
        ...parameters,
        ...(film && filmPath && filmParameters(film, { pattern, name: filmPath, fps: scene.fps })),
        JobName: (values.name ?? name).slice(0, 128) || "Blender render",
        Scene: original,
        OriginalPath: original,
        Frames: formatFrames(frames),
        ...(output !== "" && { Output: output }),
        ...(format !== "" && { Format: format }),
      },
      settings: {
        ...settings,
        conflict,
        name: values.name ?? name,
        blenderSeries: install.series,
        frameParameter: "Frame",
        framesPerSecond: Number(film?.fps ?? frameRate(scene.fps)),
        outputPattern: pattern,
        // File Output nodes save where a local render would, which may be far from the scene.
        outputFolders: [...new Set([dirname(pattern), dirname(original), ...scene.output.beside])],
      },
    };
    return {
      body,
      inputs: {
        scene: { path: original, copy, ...snapshot },
        parts: [
          {
            group: sceneGroup,
            files: inspection.files,
            folders: inspection.folders.map(({ path }) => path),
            keepsFolders: true,
          },
        ],
      },
      staysByItself: true,
      notes: [blenderNote(header.version, install), ...skippedNote(all, frames), describeFrames(frames)],
      files: { first: frameFile(pattern, frames[0] ?? 0), last: frameFile(pattern, frames.at(-1) ?? 0) },
      film: filmPath,
      blender: install.version,
      taskCount: frames.length + (film ? 1 : 0),
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function readSceneParameters(values: SubmitValues): Record<string, string | number> {
  const timeout = readTimeout(values);
  const choice = <const T extends string>(option: "motion-blur" | "device", choices: readonly T[]) => {
    const given = values[option];
    return given === undefined ? undefined : readChoice("submit", `--${option}`, given, choices);
  };
  const motionBlur = choice("motion-blur", ["on", "off"]);
  const device = choice("device", ["cpu", "gpu", "gpu-or-cpu"]);
  const { samples, scale, blender } = values;
  if (blender !== undefined && !/^\d+\.\d+(\.\d+)?$/.test(blender))
    throw usage("submit", `--blender must be a series such as 4.5, not "${blender}".`);
  return {
    ...(values.scene !== undefined && { SceneName: values.scene }),
    ...(values["view-layer"] !== undefined && { ViewLayer: values["view-layer"] }),
    ...(values.camera !== undefined && { Camera: values.camera }),
    ...(values.engine !== undefined && { Engine: spelledOut(values.engine) }),
    ...(samples !== undefined && { Samples: readWhole("submit", "--samples", samples, 1, 1_000_000) }),
    ...(scale !== undefined && {
      ResolutionScale: readWhole("submit", "--scale", scale.replace(/\s*%$/, ""), 1, 10_000),
    }),
    ...(motionBlur !== undefined && { MotionBlur: motionBlur.toUpperCase() }),
    ...(device !== undefined && { Device: device.toUpperCase().replaceAll("-", "_") }),
    ...(timeout !== undefined && { FrameTimeout: timeout }),
    ...(values["allow-missing"] && { AllowMissing: "true" }),
    ...(values["allow-scripts"] && { AllowScripts: "true" }),
  };
}

function sceneFrames(scene: {
  name: string;
  frameStart: number;
  frameEnd: number;
  frameStep: number;
}): Frames {
  if (scene.frameEnd >= scene.frameStart)
    return framesBetween(scene.frameStart, scene.frameEnd, Math.max(1, scene.frameStep));
  throw new Failure(
    `The scene "${scene.name}" ends before it starts (${scene.frameStart} to ${scene.frameEnd}). Say which frames: --frames 1-120.`,
  );
}

/** The frames that have no file at home yet, as Blender itself would skip the others. */
function stillToRender(frames: Frames, pattern: string): Frames {
  const left = frames.filter((frame) => !existsSync(frameFile(pattern, frame)));
  if (left.length > 0) return left;
  const all = frames.length === 1 ? "This frame is" : `All ${counted(frames.length, "frame")} are`;
  throw new Failure(
    `${all} there already, and files that exist are kept. To render ${frames.length === 1 ? "it" : "them"} again: --overwrite.`,
  );
}

function skippedNote(asked: Frames, frames: Frames): string[] {
  const left = new Set(frames);
  const there = asked.filter((frame) => !left.has(frame));
  if (there.length === 0) return [];
  const be = there.length === 1 ? "is" : "are";
  return [`${counted(there.length, "frame")} ${be} there already and ${be} left out: ${formatFrames(there)}`];
}

function blenderNote(saved: string, install: { series: string; version: string }): string {
  if (install.series === saved) return `Blender ${install.version}`;
  return `Blender ${install.version}: the scene was saved with ${saved}, and this is the newer one chosen for it`;
}

/** Throws one Failure with all of the problems, if there are any. */
function refuse(file: string, problems: readonly string[]): void {
  if (problems.length === 1) throw new Failure(problems[0] as string);
  if (problems.length > 1)
    throw new Failure(
      `${file} cannot be submitted as it is:\n${problems.map((one) => `- ${one}`).join("\n")}`,
    );
}

/** The modules that look at scenes throw errors whose message is the sentence. */
function sentence(error: unknown): never {
  throw error instanceof Error ? new Failure(error.message) : error;
}

async function similarFile(path: string): Promise<string> {
  const names = await readdir(dirname(path)).catch((): string[] => []);
  if (names.includes(basename(path))) return "";
  const meant = nearest(
    basename(path),
    names.filter((name) => /\.blend$/i.test(name)),
  );
  return meant === undefined ? "" : ` Did you mean ${join(dirname(path), meant)}?`;
}
