// What a film is asked for: the arguments of `tally-encode`, checked.
import { extname } from "node:path";
import { parseArgs } from "node:util";

export const codecs = ["h264", "h265", "prores", "vp9", "av1"] as const;
export type Codec = (typeof codecs)[number];
export const qualities = ["low", "medium", "high", "lossless"] as const;
export type Quality = (typeof qualities)[number];

export interface FilmOptions {
  /** The frames to join, as a range expression. */
  frames: string;
  /** The pictures' full names with #### for the number, as they are at home. */
  pattern: string;
  /** The session's path mapping rules, a file; "" means none. */
  rules: string;
  /** Frames a second as ffmpeg takes it: "24" or "24000/1001". */
  rate: string;
  codec: Codec;
  quality: Quality;
  output: string;
}

const containers: Record<Codec, readonly string[]> = {
  h264: [".mp4", ".mov", ".mkv"],
  h265: [".mp4", ".mov", ".mkv"],
  prores: [".mov", ".mkv"],
  vp9: [".webm", ".mkv", ".mp4"],
  av1: [".mp4", ".webm", ".mkv"],
};
const names = ["frames", "pattern", "rules", "fps", "codec", "quality", "output"] as const;

/** Reads the arguments (`--name=value`). @throws Error with a sentence that names the wrong one. */
export function parseFilmOptions(args: readonly string[]): FilmOptions {
  const options = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  const { values } = parseArgs({ args: [...args], options, strict: true });
  const text = (name: (typeof names)[number], fallback = ""): string =>
    typeof values[name] === "string" ? values[name] : fallback;
  const needed = (name: (typeof names)[number]): string => {
    if (text(name) === "") throw new Error(`--${name} is missing. Give it as --${name}=VALUE.`);
    return text(name);
  };
  const codec = oneOf("codec", text("codec", "h264"), codecs);
  const output = needed("output");
  const extension = extname(output).toLowerCase();
  if (!containers[codec].includes(extension)) {
    throw new Error(
      `A film in ${codec} cannot be a "${extension}" file. Name it with ${containers[codec].join(" or ")}, or choose another codec.`,
    );
  }
  return {
    frames: needed("frames"),
    pattern: needed("pattern"),
    rules: text("rules"),
    rate: rateOf(text("fps", "24")),
    codec,
    quality: oneOf("quality", text("quality", "high"), qualities),
    output,
  };
}

function oneOf<const T extends string>(name: string, value: string, allowed: readonly T[]): T {
  const found = allowed.find((one) => one === value);
  if (found === undefined)
    throw new Error(`--${name} is "${value}"; it must be one of ${allowed.join(", ")}.`);
  return found;
}

/** Frames a second as an exact ratio: what people write as 23.976 is 24000/1001. @throws Error with a sentence. */
export function rateOf(text: string): string {
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text.trim()) || value < 0.01 || value > 1000)
    throw new Error(`--fps is "${text}"; it must be a number from 0.01 to 1000, such as 24 or 23.976.`);
  if (Number.isInteger(value)) return String(value);
  const whole = Math.round((value * 1001) / 1000);
  if (Math.abs((whole * 1000) / 1001 - value) < 0.006 && whole % 6 === 0) return `${whole * 1000}/1001`;
  return `${Math.round(value * 1000)}/1000`;
}
