// Chooses how a preview is made: by a Blender where the picture says how its scene shows it, else by ffmpeg.
import { readFile } from "node:fs/promises";
import { chooseBlender, type BlenderInstall } from "../blender/discover.ts";
import { findFfmpeg } from "../encode/ffmpeg.ts";
import { describePicture } from "../encode/picture-facts.ts";
import { createBlenderPreviewer } from "./blender-preview.ts";
import { ffmpegPreview } from "./ffmpeg-preview.ts";

/** The longer side of a preview, pixels: enough to judge a movement by, small enough to play many. */
const SIDE = 960;

/** A file of a few bytes may say that it has more pixels than there is memory: 16,384 × 16,384 are 4 GiB as Blender holds them. */
const MOST_PIXELS = 2 ** 28;

export interface PreviewMaker {
  /**
   * Writes `source` as a small JPEG. `look`: the file of its scene's look, where it has one.
   * @throws Error with a sentence when no program here can.
   */
  make(source: string, target: string, look: string | undefined): Promise<void>;
  /** Ends at once what it keeps running. */
  close(): void;
}

/** `scratch` is a folder of this process for temporary files. */
export function createPreviewMaker(
  blenders: readonly BlenderInstall[],
  env: NodeJS.ProcessEnv,
  scratch: string,
): PreviewMaker {
  const blender = createBlenderPreviewer(scratch);
  const closed = new AbortController();

  async function byBlender(source: string, target: string, look: string): Promise<void> {
    const { version } = JSON.parse(await readFile(look, "utf8")) as { version: string };
    const chosen = chooseBlender(blenders, version.split(".").slice(0, 2).join("."));
    if ("problem" in chosen) throw new Error(chosen.problem);
    await blender.make(chosen.install, source, target, look, SIDE);
  }

  async function byFfmpeg(source: string, target: string): Promise<void> {
    try {
      const ffmpeg = await findFfmpeg(env);
      if (ffmpeg === null) throw new Error("this worker has no ffmpeg");
      await ffmpegPreview(ffmpeg, source, target, SIDE, closed.signal);
    } catch (error) {
      closed.signal.throwIfAborted();
      // Any Blender reads more kinds of EXR; here it shows them as ffmpeg would.
      const [any] = blenders;
      if (any === undefined) throw error;
      await blender.make(any, source, target, null, SIDE).catch(() => {
        throw error;
      });
    }
  }

  return {
    async make(source, target, look) {
      await refuseHuge(source);
      closed.signal.throwIfAborted();
      let first: unknown;
      if (look !== undefined) {
        try {
          return await byBlender(source, target, look);
        } catch (error) {
          closed.signal.throwIfAborted();
          first = error;
        }
      }
      try {
        await byFfmpeg(source, target);
      } catch (error) {
        throw first ?? error;
      }
    },
    close() {
      closed.abort();
      blender.close();
    },
  };
}

async function refuseHuge(source: string): Promise<void> {
  const facts = await describePicture(source);
  if (facts === null || facts.width * facts.height <= MOST_PIXELS) return;
  const [width, height] = [facts.width, facts.height].map((one) => one.toLocaleString("en-US"));
  throw new Error(`it says that it has ${width} × ${height} pixels, too many to show it small`);
}
