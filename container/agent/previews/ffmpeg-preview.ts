// A preview by ffmpeg: for pictures of programs that do not say how their pictures look.
import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { constants, setPriority } from "node:os";
import { extname } from "node:path";
import { describePicture } from "../encode/picture-facts.ts";

/** No picture takes longer, ms. */
export const PREVIEW_LIMIT_MS = 60_000;
const limits = {
  timeout: PREVIEW_LIMIT_MS,
  killSignal: "SIGKILL" as const,
  windowsHide: true,
  maxBuffer: 1 << 20,
};

/** What ffmpeg reads, but does not find by a name's end. Nothing is ever guessed by what is in a file: that may be a list of other files. */
const readers: Readonly<Record<string, string>> = { ".gif": "gif", ".psd": "psd_pipe" };
/** A name is a name, also one with a percent sign. */
const byName = "-f image2 -pattern_type none".split(" ");

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
  const kind = extname(source).toLowerCase();
  const reader = readers[kind];
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
    // Seconds: of an agent that is killed nobody is left to end it.
    ["-timelimit", String(PREVIEW_LIMIT_MS / 1000)],
    isLight ? ["-apply_trc", "iec61966_2_1"] : [],
    facts === null || facts.layer === null ? [] : ["-layer", facts.layer],
    reader === undefined ? byName : ["-f", reader],
    ["-i", source, "-frames:v", "1"],
    ["-vf", steps.join(","), "-q:v", "4", "-f", "mjpeg", target],
  ].flat();
  signal?.throwIfAborted();
  await new Promise<void>((done, reject) => {
    const child = execFile(program, args, limits, (error, _stdout, stderr) => {
      signal?.removeEventListener("abort", end);
      if (signal?.aborted === true) reject(signal.reason as Error);
      else if (error === null) done();
      else reject(new Error(wordsFor(stderr, kind) || error.message));
    });
    // Not by execFile's own `signal`: that asks ffmpeg to end, which it does after the picture it is at.
    const end = (): void => void child.kill("SIGKILL");
    signal?.addEventListener("abort", end);
    yieldTo(child.pid);
  });
}

/** What went wrong first, without who says it. */
function wordsFor(stderr: string, kind: string): string {
  const first = (stderr.trim().split("\n")[0] ?? "").replace(/^\[[^\]]*\] /, "");
  if (first.startsWith("Decoder (codec none)")) return `this worker's ffmpeg does not read ${kind}`;
  return first.endsWith("does not contain any stream") ? "there is no picture in it" : first;
}

/** Everything else comes before a preview: for the processors, and where memory is short (Linux). Never fails. */
export function yieldTo(pid: number | undefined): void {
  if (pid === undefined) return;
  const steps = [
    () => setPriority(pid, constants.priority.PRIORITY_LOW),
    () => process.platform === "linux" && writeFileSync(`/proc/${pid}/oom_score_adj`, "1000"),
  ];
  for (const step of steps) {
    try {
      step();
    } catch {
      // It ended already, or the system forbids it.
    }
  }
}
