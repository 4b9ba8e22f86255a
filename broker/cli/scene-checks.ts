// What is wrong with a scene before anything is sent: each mistake is a sentence with the flag that mends it.
import type { InspectedScene, Inspection } from "../../container/agent/blender/inspect.ts";
import { nearest } from "../contract/nearest.ts";
import type { SubmitValues } from "./submit-flags.ts";

/** Formats that hold single frames, as the template lists them. */
export const pictureFormats =
  "PNG JPEG OPEN_EXR OPEN_EXR_MULTILAYER TIFF WEBP BMP TARGA TARGA_RAW HDR DPX CINEON JPEG2000 IRIS".split(
    " ",
  );

const aliases: Record<string, string> = {
  JPG: "JPEG",
  EXR: "OPEN_EXR",
  MULTILAYER: "OPEN_EXR_MULTILAYER",
  TIF: "TIFF",
  TGA: "TARGA",
  EEVEE: "BLENDER_EEVEE",
  BLENDER_EEVEE_NEXT: "BLENDER_EEVEE",
  WORKBENCH: "BLENDER_WORKBENCH",
};

const movieFormats = ["FFMPEG", "AVI_JPEG", "AVI_RAW", "MP4", "MOV", "MKV", "AVI", "WEBM"];
const insteadOfMovie =
  "Use --format PNG for a picture of each frame, and --encode too for a film of them when all are done.";
const engines = ["CYCLES", "BLENDER_EEVEE", "BLENDER_WORKBENCH", "EEVEE", "WORKBENCH"];

/** Blender's name for a typed format or engine. */
export function spelledOut(typed: string): string {
  const upper = typed.toUpperCase().replaceAll("-", "_");
  return aliases[upper] ?? upper;
}

/** What is wrong with --format and --engine, before the scene is looked at. */
export function checkFormatAndEngine(values: SubmitValues): string[] {
  const problems: string[] = [];
  const { format, engine } = values;
  if (format !== undefined && !pictureFormats.includes(spelledOut(format))) {
    problems.push(
      movieFormats.includes(spelledOut(format))
        ? `--format ${format} is a movie, and a movie cannot be rendered frame by frame. ${insteadOfMovie}`
        : `--format does not know "${format}". ${didYouMean(format, [...pictureFormats, "JPG", "EXR"], "It takes")}`,
    );
  }
  if (engine !== undefined) {
    const meant = nearest(engine, engines);
    if (!engines.includes(spelledOut(engine)) && meant !== undefined)
      problems.push(`--engine does not know "${engine}". Did you mean ${meant.toLowerCase()}?`);
  }
  return problems;
}

/** The scene that --scene names, else the active one; or the sentence about a name that is none. */
export function chooseScene(inspection: Inspection, wanted: string | undefined): InspectedScene | string {
  const name = wanted ?? inspection.scene;
  const found = inspection.scenes.find((one) => one.name === name);
  if (found !== undefined) return found;
  return `The file has no scene "${name}". ${didYouMean(
    name,
    inspection.scenes.map((one) => one.name),
    "Its scenes:",
  )}`;
}

/** Everything that would go wrong with this scene, each with the flag that mends it. */
export function checkScene(inspection: Inspection, scene: InspectedScene, values: SubmitValues): string[] {
  const problems: string[] = [];
  if (inspection.lacksEngine)
    problems.push(
      `Blender ${inspection.blender} has no render engine "${values.engine}". Leave --engine out, or take one it has, such as --engine cycles.`,
    );
  const layer = values["view-layer"];
  const layers = scene.viewLayers.map((one) => one.name);
  if (layer !== undefined && !layers.includes(layer))
    problems.push(
      `The scene "${scene.name}" has no view layer "${layer}". ${didYouMean(layer, layers, "Its view layers:")}`,
    );
  if (layer === undefined && scene.viewLayers.every((one) => !one.used))
    problems.push(
      `No view layer of "${scene.name}" is switched on for rendering. Name one: --view-layer "${layers[0] ?? ""}".`,
    );
  const { camera } = values;
  if (camera !== undefined && !scene.cameras.includes(camera))
    problems.push(
      `The scene "${scene.name}" has no camera "${camera}". ${didYouMean(camera, scene.cameras, "Its cameras:")}`,
    );
  if (camera === undefined && scene.lacksCamera) {
    const other = scene.cameras[0];
    problems.push(
      other === undefined
        ? `The scene "${scene.name}" has no camera. Add one in Blender and save.`
        : `The scene "${scene.name}" has no active camera. Name one: --camera "${other}".`,
    );
  }
  if (scene.isMovie && values.format === undefined)
    problems.push(
      `The scene writes a movie (${scene.format}), and a movie cannot be rendered frame by frame. ${insteadOfMovie}`,
    );
  if (inspection.missing.length > 0 && !values["allow-missing"])
    problems.push(
      `${inspection.missing.length === 1 ? "A file is" : `${inspection.missing.length} files are`} missing:\n${listed(inspection.missing)}\n  Put ${inspection.missing.length === 1 ? "it" : "them"} back, or go on all the same: --allow-missing.`,
    );
  if (inspection.scripts.length > 0 && !values["allow-scripts"] && !values["allow-missing"])
    problems.push(
      `The scene has scripts or drivers that do not run without your leave, so it would render wrong:\n${listed(inspection.scripts)}\n  If you trust this file: --allow-scripts. To render without them: --allow-missing.`,
    );
  return problems;
}

function listed(lines: readonly string[]): string {
  const shown = lines.slice(0, 20).map((line) => `    ${line}`);
  if (lines.length > 20) shown.push(`    and ${lines.length - 20} more`);
  return shown.join("\n");
}

function didYouMean(word: string, choices: readonly string[], otherwise: string): string {
  const meant = nearest(word, choices);
  if (meant !== undefined) return `Did you mean "${meant}"?`;
  return choices.length === 0 ? "It has none." : `${otherwise} ${choices.slice(0, 12).join(", ")}.`;
}
