// A preview by ffmpeg: for pictures of programs that do not say how their pictures look.
import { execFile } from "node:child_process";
import { constants, setPriority } from "node:os";
import { describePicture } from "../encode/picture-facts.ts";

/** No picture takes longer, ms. */
export const PREVIEW_LIMIT_MS = 60_000;
const limits = {
  timeout: PREVIEW_LIMIT_MS,
  killSignal: "SIGKILL" as const,
  windowsHide: true,
  maxBuffer: 1 << 20,
};

/**
 * Writes `source` as a JPEG of at most `side` pixels a side. An EXR is shown as sRGB shows its light. `signal` ends ffmpeg.
 * @throws Error with ffmpeg's own words.
 */
export async function ffmpegPreview(
  program: string,
  source: string,
  target: string,
  side: number,
  signal?: AbortSignal,
): Promise<void> {
  const facts = await describePicture(source);
  if (facts?.isGarbled === true) throw new Error("ffmpeg reads 32-bit numbers that DWA packed wrongly");
  const isLight = facts?.kind === "exr";
  const steps = [
    // An EXR's colours are multiplied by its transparency already; what is left of others would shine through.
    ...(facts?.alpha === true && !isLight ? ["format=gbrap16le", "premultiply=inplace=1"] : []),
    ...(isLight ? ["format=gbrpf32le"] : ["format=gbrp16le"]),
    `scale=w='min(${side},iw)':h='min(${side},ih)':force_original_aspect_ratio=decrease:flags=area`,
    "format=rgb24",
    "scale=out_color_matrix=bt601:out_range=full",
    "format=yuvj420p",
  ];
  const args = [
    "-hide_banner -nostdin -y -loglevel error -threads 1".split(" "),
    isLight ? ["-apply_trc", "iec61966_2_1"] : [],
    facts === null || facts.layer === null ? [] : ["-layer", facts.layer],
    // A name is a name, also one with a percent sign.
    ["-f", "image2", "-pattern_type", "none", "-i", source, "-frames:v", "1"],
    ["-vf", steps.join(","), "-q:v", "4", "-f", "mjpeg", target],
  ].flat();
  await new Promise<void>((done, reject) => {
    const child = execFile(
      program,
      args,
      { ...limits, ...(signal && { signal }) },
      (error, _stdout, stderr) => {
        if (error === null) done();
        else reject(new Error(firstWords(stderr) || error.message));
      },
    );
    yieldTo(child.pid);
  });
}

/** What went wrong first, without who says it. */
function firstWords(stderr: string): string {
  return (stderr.trim().split("\n")[0] ?? "").replace(/^\[[^\]]*\] /, "");
}

/** Everything else comes before a preview. Never fails. */
export function yieldTo(pid: number | undefined): void {
  try {
    if (pid !== undefined) setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It ended already, or the system forbids it.
  }
}
