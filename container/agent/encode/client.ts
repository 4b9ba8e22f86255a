// `tally-encode`: the tool that a template's last step calls to join the frames of the steps before to a film.
import { randomBytes } from "node:crypto";
import { copyFile, mkdir, mkdtemp, rename, rm, symlink } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { mapPath } from "../../../broker/openjd/path-mapping.ts";
import { parseFrames } from "../blender/settings.ts";
import { readRules } from "../blender/rules.ts";
import { ffmpegArguments, findFfmpeg, runFfmpeg } from "./ffmpeg.ts";
import { parseFilmOptions } from "./options.ts";
import { commonFacts, findPictures, type Picture } from "./pictures.ts";

const PROGRESS_EVERY_MS = 500;

/** Makes one film; prints what OpenJD sessions understand, and returns the exit code. */
export async function main(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  try {
    await encode(args, env);
    return 0;
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    process.stdout.write(`openjd_fail: ${words.replaceAll("\n", " ")}\n`);
    return 1;
  }
}

async function encode(args: readonly string[], env: NodeJS.ProcessEnv): Promise<void> {
  const options = parseFilmOptions(args);
  const program = await findFfmpeg(env);
  if (program === null) throw new Error(noFfmpeg(env));
  const frames = [...new Set(parseFrames(options.frames))].toSorted((a, b) => a - b);
  const pattern = resolve(mapPath(options.pattern, await readRules(options.rules)));
  const pictures = await findPictures(pattern, options.pattern, frames);
  const facts = await commonFacts(pictures);
  // Aside from where results are looked for: half a film is nobody's result.
  const scratch = await mkdtemp(join(process.cwd(), "film-"));
  try {
    const extension = extname(pattern);
    await number(pictures, scratch, extension);
    const film = join(scratch, `film${extname(options.output)}`);
    const input = join(scratch.replaceAll("%", "%%"), `%08d${extension}`);
    const threads = Number(env["TALLY_THREADS"] ?? 0);
    say(`Joining ${frames.length} frames at ${options.rate} a second, ${options.codec}, ${options.quality}`);
    const made = await runFfmpeg(
      program,
      ffmpegArguments(options, facts, input, film, threads),
      sayProgress(frames.length),
      // What ffmpeg prints must not pass for a directive.
      (line) => say(line.replace(/^\s*(?:openjd_|tally_frame)/i, "| $&")),
    );
    if (made !== frames.length) {
      throw new Error(
        `The film has ${made} frames instead of ${frames.length}: ffmpeg left some out. Read what it said, then: tally requeue JOB --failed`,
      );
    }
    await place(film, resolve(options.output));
    say("openjd_progress: 100");
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

function noFfmpeg(env: NodeJS.ProcessEnv): string {
  const given = env["TALLY_FFMPEG"];
  return `This worker has no ffmpeg, which joins frames to a film${given ? ` (TALLY_FFMPEG names ${given})` : ""}. Install it there (on Debian and Ubuntu: apt install ffmpeg), then: tally requeue JOB --failed`;
}

/** Gives the pictures names that count without gaps, which is all that ffmpeg can follow. */
async function number(pictures: readonly Picture[], folder: string, extension: string): Promise<void> {
  for (const [index, { path }] of pictures.entries()) {
    const name = join(folder, `${String(index).padStart(8, "0")}${extension}`);
    if (process.platform === "win32") await copyFile(path, name);
    else await symlink(path, name);
  }
}

/** Puts the film where it belongs, whole or not at all. */
async function place(film: string, output: string): Promise<void> {
  await mkdir(dirname(output), { recursive: true });
  try {
    await rename(film, output);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EXDEV") throw error;
    const part = join(dirname(output), `.${basename(output)}.${randomBytes(4).toString("hex")}.part`);
    try {
      await copyFile(film, part);
      await rename(part, output);
    } finally {
      await rm(part, { force: true });
    }
  }
}

function sayProgress(all: number): (frames: number) => void {
  let saidAt = 0;
  return (frames) => {
    const now = performance.now();
    if (now - saidAt < PROGRESS_EVERY_MS) return;
    saidAt = now;
    say(`openjd_progress: ${Math.min(99, Math.round((frames / all) * 1000) / 10)}`);
  };
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

if (
  process.argv[1] !== undefined &&
  /[\\/](?:encode[\\/]client\.ts|tally-encode\.mjs)$/.test(process.argv[1])
) {
  process.exitCode = await main(process.argv.slice(2), process.env);
}
