// The film that --encode asks for: its codec, quality and rate, and its name at home.
import { dirname, join } from "node:path";
import { readChoice, usage } from "./arguments.ts";
import type { SubmitValues } from "./submit-flags.ts";

/** The first one is what `--encode` alone means. */
export const codecs = ["h264", "h265", "prores", "vp9", "av1"] as const;
export const qualities = ["low", "medium", "high", "lossless"] as const;

const extensions: Record<(typeof codecs)[number], string> = {
  h264: ".mp4",
  h265: ".mp4",
  prores: ".mov",
  vp9: ".webm",
  av1: ".mp4",
};

export interface FilmFlags {
  codec: (typeof codecs)[number];
  quality: (typeof qualities)[number];
  /** Frames a second as typed; undefined: the scene's. */
  fps: string | undefined;
}

/** What the flags say about a film; undefined without --encode. Throws a Failure of usage. */
export function readFilm(values: SubmitValues): FilmFlags | undefined {
  const { encode, quality, fps } = values;
  if (encode === undefined) {
    const alone = quality === undefined ? (fps === undefined ? undefined : "--fps") : "--quality";
    if (alone !== undefined) throw usage("submit", `${alone} is about a film: give --encode too.`);
    return undefined;
  }
  if (values.skip)
    throw usage("submit", "A film needs every frame, so --encode and --skip do not go together.");
  if (fps !== undefined && !(/^\d{1,4}(\.\d{1,6})?$/.test(fps) && Number(fps) > 0 && Number(fps) <= 1000))
    throw usage("submit", `--fps must be frames a second such as 24 or 23.976, not "${fps}".`);
  return {
    codec: readChoice("submit", "--encode", encode, codecs),
    quality: quality === undefined ? "high" : readChoice("submit", "--quality", quality, qualities),
    fps,
  };
}

/** The film's full name: beside the frames, called as the scene. */
export function filmName(pattern: string, scene: string, { codec }: FilmFlags): string {
  return join(dirname(pattern), `${scene}${extensions[codec]}`);
}

/** A scene's frames a second as templates take them. */
export function frameRate(fps: number): string {
  return String(Number(fps.toFixed(6)));
}

/** The parameters of the template blender-film. `fps`: the scene's own rate. */
export function filmParameters(
  film: FilmFlags,
  { pattern, name, fps }: { pattern: string; name: string; fps: number },
): Record<string, string> {
  return {
    Pictures: pattern,
    Film: name,
    Codec: film.codec,
    Quality: film.quality,
    FramesPerSecond: film.fps ?? frameRate(fps),
  };
}
