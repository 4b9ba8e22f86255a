// Where frames go: from what was typed after -o to one full name with #### for the frame.
import { statSync } from "node:fs";
import { dirname, extname, join, resolve, sep } from "node:path";
import type { InspectedScene } from "../../container/agent/blender/inspect.ts";
import { frameFile } from "./humane.ts";

/** Extensions that name a picture's format, as Blender spells the format. */
const formatOfExtension: Record<string, string> = {
  ".png": "PNG",
  ".jpg": "JPEG",
  ".jpeg": "JPEG",
  ".exr": "OPEN_EXR",
  ".tif": "TIFF",
  ".tiff": "TIFF",
  ".webp": "WEBP",
  ".bmp": "BMP",
  ".tga": "TARGA",
  ".hdr": "HDR",
  ".dpx": "DPX",
  ".cin": "CINEON",
  ".jp2": "JPEG2000",
};

/** Formats whose files end as another one's, which is the one that an ending names. */
const alike: Record<string, string> = { OPEN_EXR_MULTILAYER: "OPEN_EXR", TARGA_RAW: "TARGA" };

/** The format that an output's ending names; "" for none, and where the scene's `own` has that ending already: it may hold many layers. */
export function formatOfEnding(output: string, own: string): string {
  const named = formatOfExtension[extname(output).toLowerCase()] ?? "";
  return alike[own] === named ? "" : named;
}

/**
 * The pattern that -o means, absolute: a folder gets `####` inside it, a name without # gets `_####` before its
 * extension, `//` counts from the scene's folder as in Blender. `from`: the folder that relative names count from.
 */
export function outputPattern(typed: string, scene: string, from: string): string {
  const isFolder = /[\\/]$/.test(typed) || isExistingFolder(absolute(typed, scene, from));
  const path = absolute(typed, scene, from);
  if (isFolder) return join(path, "####");
  const nameAt = path.lastIndexOf(sep) + 1;
  if (path.slice(nameAt).includes("#")) return path;
  const extension = formatOfExtension[extname(path).toLowerCase()] === undefined ? "" : extname(path);
  return `${path.slice(0, path.length - extension.length)}_####${extension}`;
}

/** The full names of a job's files as one pattern, from what Blender says about the scene's own range. */
export function filePattern(output: InspectedScene["output"], frameStart: number, scene: string): string {
  const inside = absolute(output.pattern, scene, dirname(scene));
  const nameAt = inside.lastIndexOf(sep) + 1;
  const pattern = inside.slice(nameAt).includes("#") ? inside : `${inside}####`;
  const expected = frameFile(pattern, frameStart);
  if (output.first.startsWith(expected)) return pattern + output.first.slice(expected.length);
  // Blender changed the name, such as a foreign extension: put the number's place back into what it made of it.
  const name = output.first.slice(output.first.lastIndexOf(sep) + 1);
  const folder = output.first.slice(0, output.first.length - name.length);
  const padding = /#+(?!.*#)/.exec(pattern.slice(nameAt))?.[0] ?? "####";
  const number = frameFile(padding, frameStart);
  const at = name.lastIndexOf(number);
  return at < 0 ? output.first : folder + name.slice(0, at) + padding + name.slice(at + number.length);
}

function absolute(path: string, scene: string, from: string): string {
  return path.startsWith("//") ? resolve(dirname(scene), path.slice(2)) : resolve(from, path);
}

function isExistingFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
