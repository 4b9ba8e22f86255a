// Finds a film's pictures by their frame numbers, and refuses holes and pictures that do not fit together.
import { readdir } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { describePicture, type PictureFacts } from "./picture-facts.ts";

export interface Picture {
  frame: number;
  path: string;
}

const extensions = [".png", ".jpg", ".jpeg", ".tif", ".tiff", ".exr"];
const AT_ONCE = 16;

/**
 * Finds the picture of each frame, in the frames' order, whatever number of digits the renderer wrote.
 * @param pattern a full name here with #### for the number.
 * @param home the same name as the artist knows it, for what is said.
 * @throws Error with a sentence that lists the frames without a picture.
 */
export async function findPictures(
  pattern: string,
  home: string,
  frames: readonly number[],
): Promise<Picture[]> {
  const name = basename(pattern);
  const parts = /^(.*?)#+([^#]*)$/s.exec(name);
  if (parts === null)
    throw new Error(`The pictures' name ${home} has no #### for the frame's number. Submit again with one.`);
  if (!extensions.includes(extname(name).toLowerCase())) {
    throw new Error(
      `A film is made of PNG, JPEG, TIFF or EXR pictures, not of ${extname(name) || "files without an extension"}. Submit again with --format PNG.`,
    );
  }
  const [, before = "", after = ""] = parts;
  const found = new Map<number, string>();
  const folder = dirname(pattern);
  for (const one of (await readdir(folder).catch((): string[] => [])).toSorted()) {
    if (!one.startsWith(before) || !one.endsWith(after) || one.length <= before.length + after.length)
      continue;
    const digits = one.slice(before.length, one.length - after.length);
    if (/^-?\d+$/.test(digits)) found.set(Number(digits), join(folder, one));
  }
  const missing = frames.filter((frame) => !found.has(frame));
  if (missing.length > 0) throw new Error(holes(missing, frames.length, home));
  return frames.map((frame) => ({ frame, path: found.get(frame) ?? "" }));
}

function holes(missing: readonly number[], all: number, home: string): string {
  const listed = ranges(missing);
  const [one, be] = missing.length === 1 ? ["Frame", "is"] : ["Frames", "are"];
  const what =
    missing.length === all
      ? `None of the film's pictures is there (${home})`
      : `${one} ${listed} ${be} missing: the film would have holes (${home})`;
  return `${what}. Render ${missing.length === 1 ? "it" : "them"} again and the film is made after: tally requeue JOB --frames ${listed}`;
}

/** Writes ascending numbers as ranges: 7, 9-11. */
export function ranges(numbers: readonly number[]): string {
  const parts: [number, number][] = [];
  for (const number of numbers) {
    const last = parts.at(-1);
    if (last !== undefined && number === last[1] + 1) last[1] = number;
    else parts.push([number, number]);
  }
  return parts.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(",");
}

/**
 * Looks at every picture and says what they have in common.
 * @throws Error with a sentence when one is damaged or of another size.
 */
export async function commonFacts(
  pictures: readonly Picture[],
): Promise<PictureFacts & { someAlpha: boolean }> {
  const facts: PictureFacts[] = Array.from({ length: pictures.length });
  const queue = pictures.entries();
  const look = async (): Promise<void> => {
    for (const [index, { frame, path }] of queue) {
      const seen = await describePicture(path);
      if (seen === null) {
        throw new Error(
          `The picture of frame ${frame} is damaged or of an unknown kind. Render it again: tally requeue JOB --frames ${frame}`,
        );
      }
      if (seen.isGarbled) {
        throw new Error(
          `The picture of frame ${frame} is an EXR that packs 32-bit numbers by DWA, which ffmpeg reads wrongly: the film would have other colors. Set the scene's output to 16 bits without depth, or to the codec ZIP, and submit again.`,
        );
      }
      facts[index] = seen;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, look));
  const [first] = facts;
  if (first === undefined) throw new Error("The film has no frames. Submit again with --frames.");
  const other = facts.findIndex((one) => one.width !== first.width || one.height !== first.height);
  const odd = facts[other];
  const number = pictures[other]?.frame;
  if (odd !== undefined) {
    throw new Error(
      `Frame ${number} is ${odd.width} × ${odd.height} pixels and frame ${pictures[0]?.frame} is ${first.width} × ${first.height}: a film has one size. Render it again in that size: tally requeue JOB --frames ${number}`,
    );
  }
  return { ...first, someAlpha: facts.some((one) => one.alpha) };
}
