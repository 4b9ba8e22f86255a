// Previews by a Blender of their own, kept warm between pictures: they look as in the scene that they belong to.
import type { BlenderInstall } from "../blender/discover.ts";
import { startScript, type BlenderScript } from "../blender/blender-process.ts";
import { PREVIEW_LIMIT_MS, yieldTo } from "./ffmpeg-preview.ts";

/** It holds memory that the artist may want: without pictures it ends after this time, ms. */
const WARM_MS = 30_000;
const QUALITY = 80;
/** It ends by itself then: of an agent that is killed nobody is left to end it. */
const OWN_LIMIT_SECONDS = (PREVIEW_LIMIT_MS * 1.5) / 1000;

type Message = { event: "ready" } | { event: "made" } | { event: "failed"; words: string };

interface Running {
  install: BlenderInstall;
  script: BlenderScript;
  isReady: boolean;
}

export interface BlenderPreviewer {
  /**
   * Writes `source` as a JPEG of at most `side` pixels a side, as the scene of the file `look` shows it, or as sRGB shows
   * its light. One at a time.
   * @throws Error with Blender's words, or how it ended.
   */
  make(
    install: BlenderInstall,
    source: string,
    target: string,
    look: string | null,
    side: number,
  ): Promise<void>;
  /** Ends Blender at once. */
  close(): void;
}

/** `scratch` is a folder of this process for Blender's temporary files. */
export function createBlenderPreviewer(scratch: string): BlenderPreviewer {
  let running: Running | undefined;
  let waiting: { done: () => void; fail: (why: string) => void } | undefined;
  let idle: NodeJS.Timeout | undefined;
  /** Blenders that did not even come up: they are not asked again. */
  const broken = new Set<string>();

  function start(install: BlenderInstall): Running {
    const own: Running = {
      install,
      isReady: false,
      script: startScript<Message>(
        install,
        "previewer.py",
        scratch,
        {},
        {
          log: () => {},
          message(message) {
            if (message.event === "ready") own.isReady = true;
            // Its last words, after it was ended: another picture is at its turn by now.
            else if (running !== own) return;
            else if (message.event === "made") waiting?.done();
            else waiting?.fail(message.words);
          },
          exit(code, signal, error) {
            if (!own.isReady) broken.add(install.path);
            if (running !== own) return;
            running = undefined;
            waiting?.fail(error ?? `Blender ended (${signal ?? `exit code ${code}`})`);
          },
        },
      ),
    };
    yieldTo(own.script.pid);
    return own;
  }

  function close(): void {
    clearTimeout(idle);
    const old = running;
    running = undefined;
    old?.script.kill();
    waiting?.fail("it was stopped");
  }

  return {
    async make(install, source, target, look, side) {
      clearTimeout(idle);
      if (broken.has(install.path)) throw new Error(`Blender ${install.version} does not start for previews`);
      if (running !== undefined && running.install.path !== install.path) close();
      running ??= start(install);
      const { script } = running;
      const limit = setTimeout(() => {
        close();
      }, PREVIEW_LIMIT_MS);
      try {
        await new Promise<void>((done, reject) => {
          waiting = { done, fail: (why) => reject(new Error(why)) };
          script.send({ source, target, look, side, quality: QUALITY, seconds: OWN_LIMIT_SECONDS });
        });
      } finally {
        waiting = undefined;
        clearTimeout(limit);
        idle = setTimeout(close, WARM_MS).unref();
      }
    },
    close,
  };
}
