// How ffmpeg is found, told what film to make, and listened to.
import { spawn } from "node:child_process";
import { access, constants } from "node:fs/promises";
import { delimiter, extname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Codec, FilmOptions, Quality } from "./options.ts";
import type { PictureFacts } from "./picture-facts.ts";

type Facts = PictureFacts & { someAlpha: boolean };
type Encoding = { args: readonly string[]; pixels: string };

const LINES_KEPT = 50;

/** Finds ffmpeg: TALLY_FFMPEG, else the first on PATH; null where there is none. */
export async function findFfmpeg(env: NodeJS.ProcessEnv): Promise<string | null> {
  const name = process.platform === "win32" ? "ffmpeg.exe" : "ffmpeg";
  const given = env["TALLY_FFMPEG"];
  const places = given
    ? [given]
    : (env["PATH"] ?? "")
        .split(delimiter)
        .filter(Boolean)
        .map((folder) => join(folder, name));
  for (const place of places)
    if (
      await access(place, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return place;
  return null;
}

const crf: Record<Exclude<Codec, "prores">, Record<Exclude<Quality, "lossless">, number>> = {
  h264: { low: 28, medium: 23, high: 18 },
  h265: { low: 30, medium: 26, high: 21 },
  vp9: { low: 42, medium: 34, high: 25 },
  av1: { low: 48, medium: 38, high: 28 },
};
const proresProfile: Record<Quality, string> = { low: "1", medium: "2", high: "3", lossless: "5" };

function encodingOf({ codec, quality }: FilmOptions, facts: Facts): Encoding {
  if (codec === "prores") {
    const pixels = quality !== "lossless" ? "yuv422p10le" : facts.someAlpha ? "yuva444p10le" : "yuv444p10le";
    return { args: ["-c:v", "prores_ks", "-profile:v", proresProfile[quality], "-vendor", "apl0"], pixels };
  }
  if (quality === "lossless") {
    // Colours are kept as they are, so the film is in RGB, which not every player shows.
    if (codec === "h264") return { args: ["-c:v", "libx264rgb", "-qp", "0"], pixels: "rgb24" };
    if (codec === "h265")
      return {
        args: ["-c:v", "libx265", "-x265-params", "lossless=1:log-level=error", "-tag:v", "hvc1"],
        pixels: "gbrp",
      };
    if (codec === "vp9") return { args: ["-c:v", "libvpx-vp9", "-lossless", "1"], pixels: "gbrp" };
    const args = ["-c:v", "libaom-av1", "-crf", "0", "-aom-params", "lossless=1", "-cpu-used", "6"];
    return { args, pixels: "gbrp" };
  }
  const rate = ["-crf", String(crf[codec][quality])];
  const pixels = "yuv420p";
  if (codec === "h264") return { args: ["-c:v", "libx264", "-preset", "medium", ...rate], pixels };
  if (codec === "h265")
    return {
      args: ["-c:v", "libx265", ...rate, "-x265-params", "log-level=error", "-tag:v", "hvc1"],
      pixels,
    };
  if (codec === "vp9")
    return { args: ["-c:v", "libvpx-vp9", ...rate, "-b:v", "0", "-row-mt", "1", "-cpu-used", "2"], pixels };
  // The faster one refuses small pictures.
  if (Math.min(facts.width, facts.height) < 64)
    return { args: ["-c:v", "libaom-av1", ...rate, "-cpu-used", "6"], pixels };
  return { args: ["-c:v", "libsvtav1", ...rate, "-preset", "8"], pixels };
}

/** The steps from the pictures' pixels to the film's; transparency becomes black where the film cannot keep it. */
function filters(facts: Facts, pixels: string): string {
  const steps: string[] = [];
  if (facts.someAlpha && !pixels.startsWith("yuva")) {
    // An EXR's colours are multiplied already.
    if (facts.kind !== "exr") steps.push("format=gbrap16le", "premultiply=inplace=1");
    steps.push(facts.kind === "exr" ? "format=gbrpf32le" : "format=gbrp16le");
  }
  // These formats share colour between neighbours, so an odd edge has no partner.
  const wide = /4[02]0p|422p/.test(pixels) && facts.width > 1;
  const high = /420p/.test(pixels) && facts.height > 1;
  if (wide || high) steps.push(`crop=${wide ? "trunc(iw/2)*2" : "iw"}:${high ? "trunc(ih/2)*2" : "ih"}:0:0`);
  if (/420p|422p/.test(pixels)) {
    if (!wide) steps.push("pad=2:ih");
    if (!high && /420p/.test(pixels)) steps.push("pad=iw:2");
  }
  if (pixels.startsWith("yuv"))
    steps.push("scale=out_color_matrix=bt709:out_range=tv:flags=bicubic+accurate_rnd+full_chroma_int");
  steps.push(`format=${pixels}`);
  // Some encoders write what the pictures say of their colours, not what the command line says.
  if (pixels.startsWith("yuv"))
    steps.push("setparams=range=tv:colorspace=bt709:color_primaries=bt709:color_trc=bt709");
  return steps.join(",");
}

/**
 * The arguments that make a film of pictures named `00000000.ext` and so on.
 * @param input their full name with %08d.
 * @param threads how many processor threads it may take; 0 leaves it to ffmpeg.
 */
export function ffmpegArguments(
  options: FilmOptions,
  facts: Facts,
  input: string,
  output: string,
  threads: number,
): string[] {
  const { args, pixels } = encodingOf(options, facts);
  const extension = extname(output).toLowerCase();
  const isVideo = pixels.startsWith("yuv");
  return [
    "-hide_banner -nostdin -y -loglevel warning -nostats -progress pipe:1".split(" "),
    // An EXR holds light as it is; a film holds it as screens show it.
    facts.kind === "exr" ? ["-apply_trc", "iec61966_2_1"] : [],
    facts.layer === null ? [] : ["-layer", facts.layer],
    ["-f", "image2", "-pattern_type", "sequence", "-start_number", "0", "-framerate", options.rate],
    ["-i", input, "-an", "-vf", filters(facts, pixels), ...args, "-pix_fmt", pixels],
    isVideo ? "-color_range tv -colorspace bt709 -color_primaries bt709 -color_trc bt709".split(" ") : [],
    threads > 0 ? ["-threads", String(threads)] : [],
    extension === ".mp4" || extension === ".mov" ? ["-movflags", "+faststart"] : [],
    [output],
  ].flat();
}

/**
 * Runs ffmpeg to its end.
 * @param onFrames is told how many frames are done.
 * @returns how many frames the film has.
 * @throws Error with a sentence when it ends badly.
 */
export async function runFfmpeg(
  program: string,
  args: readonly string[],
  onFrames: (frames: number) => void,
  onLine: (line: string) => void,
): Promise<number> {
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], windowsHide: true });
  const stop = (): void => void child.kill("SIGKILL");
  process.once("SIGTERM", stop);
  const lines: string[] = [];
  let frames = 0;
  createInterface({ input: child.stdout }).on("line", (line) => {
    const at = /^frame=\s*(\d+)/.exec(line);
    if (at === null) return;
    frames = Number(at[1]);
    onFrames(frames);
  });
  createInterface({ input: child.stderr }).on("line", (line) => {
    lines.push(line);
    if (lines.length > LINES_KEPT) lines.shift();
    onLine(line);
  });
  try {
    const [code, signal] = await new Promise<[number | null, string | null]>((done, reject) => {
      child.once("error", reject);
      child.once("close", (...how) => done(how));
    });
    if (code === 0) return frames;
    throw new Error(explain(lines, code === null ? `ended by ${signal}` : `exit code ${code}`));
  } finally {
    process.off("SIGTERM", stop);
  }
}

function explain(lines: readonly string[], how: string): string {
  const lacks = lines.map((line) => /Unknown encoder '([^']+)'/.exec(line)?.[1]).find(Boolean);
  if (lacks !== undefined)
    return `The ffmpeg of this worker was built without ${lacks}. Install a complete ffmpeg there, or submit again with another codec.`;
  if (lines.some((line) => line.includes("No space left on device")))
    return "There is no space left on the worker's disk for the film. Make room, then: tally requeue JOB --failed";
  const said = lines.findLast((line) => line.trim() !== "") ?? how;
  return `ffmpeg could not make the film (it says: "${said.trim()}"). Read what it said before that, then: tally requeue JOB --failed`;
}
