// Renders the frames of one request in a session's Blender, one after the other, and outlives what goes wrong.
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { startBlender } from "./blender-process.ts";
import type { BlenderProcess, DriverMessage } from "./blender-process.ts";
import type { BlenderInstall } from "./discover.ts";
import { advance, newProgress, readLogLine } from "./progress.ts";
import type { ProgressState } from "./progress.ts";
import { explain, explainDeath } from "./reasons.ts";
import type { RenderSettings } from "./settings.ts";
import type { FrameFile, FrameLine } from "./wire.ts";

export type Listener = { log: (line: string) => void; frame: (line: FrameLine) => void };
export type RenderRequest = { frames: number[]; folder: string; timeout: number };
export type Renderer = {
  /** Opens the scene; resolves with a line about it. @throws Error with a sentence. */
  open: (listener: Listener) => Promise<string>;
  /** Resolves when every frame was reported. @throws Error with a sentence when it cannot go on. */
  render: (request: RenderRequest, listener: Listener) => Promise<void>;
  /** Ends Blender at once. */
  kill: () => void;
  close: () => Promise<void>;
};

const PROGRESS_EVERY_MS = 500;
const LINES_KEPT = 300;
const SCRIPT_TROUBLE = /^Traceback \(most recent call last\):|Error in PyDriver/;

type DriverSettings = RenderSettings & { copy: string; place: string };
type Running = {
  frame: number;
  startedAt: number;
  lines: string[];
  files: FrameFile[];
  look: string | undefined;
  progress: ProgressState;
  saidAt: number;
  said: number;
  end: (outcome: Outcome) => void;
};
type Outcome = { ok: true } | { ok: false; reason: string };

/** A renderer for one scene; `driverSettings` go to the driver as they are. */
export function createRenderer(
  install: BlenderInstall,
  driverSettings: DriverSettings,
  scratch: string,
): Renderer {
  let blender: BlenderProcess | null = null;
  let listener: Listener = { log: () => undefined, frame: () => undefined };
  let running: Running | null = null;
  let opening: { resolve: (text: string) => void; reject: (error: Error) => void; lines: string[] } | null =
    null;
  let device = "";
  let closing = false;

  const note = (lines: string[], line: string): void => {
    lines.push(line);
    if (lines.length > 2 * LINES_KEPT) lines.splice(0, LINES_KEPT);
  };
  const sayProgress = (line: string): void => {
    if (!running) return;
    const now = performance.now();
    // Dozens of lines come a frame, and few are ever told; only a layer's end must not be missed.
    if (now - running.saidAt < PROGRESS_EVERY_MS && !line.endsWith("Finished")) return;
    const fact = readLogLine(line);
    if (!fact || fact.kind === "saved") return;
    const progress = Math.round(advance(running.progress, fact) * 1000) / 1000;
    if (progress <= running.said || now - running.saidAt < PROGRESS_EVERY_MS) return;
    running.said = progress;
    running.saidAt = now;
    const status = fact.kind === "progress" ? { status: fact.status } : {};
    listener.frame({ frame: running.frame, state: "progress", progress, ...status });
  };
  const onLog = (line: string): void => {
    if (line === "") return;
    if (running) note(running.lines, line);
    if (opening) note(opening.lines, line);
    listener.log(line);
    sayProgress(line);
  };
  const onMessage = (message: DriverMessage): void => {
    if (message.event === "ready") {
      device = message.device;
      for (const text of message.notes) listener.log(text);
      opening?.resolve(`Blender ${message.version} is ready, rendering on ${device}`);
    } else if (message.event === "refused") {
      opening?.reject(new Error(message.reason ?? explain(message.words ?? "", opening.lines)));
    } else if (running && message.event === "stats") {
      sayProgress(message.text);
    } else if (running && message.event === "started") {
      running.progress = newProgress(message.layers);
      listener.frame({ frame: message.frame, state: "started" });
    } else if (running && message.event === "file") {
      running.files.push({ path: message.path, name: message.name, bytes: message.bytes });
    } else if (running && message.event === "look") {
      running.look = message.path;
    } else if (running && message.event === "done") {
      running.end(outcomeOf(message, running.lines, driverSettings.allowMissing));
    }
  };

  const open = async (to: Listener): Promise<string> => {
    listener = to;
    let fail: (reason: Error) => void = () => undefined;
    const ready = new Promise<string>((resolve, reject) => {
      opening = { resolve, reject, lines: [] };
      fail = reject;
    });
    const lines: string[] = opening!.lines;
    // A refusal may come before anybody waits for it.
    ready.catch(() => undefined);
    const mine: BlenderProcess = await startBlender(install, driverSettings, scratch, {
      log: onLog,
      message: onMessage,
      exit: (code, signal, error) => {
        if (blender === mine || blender === null) blender = null;
        if (opening && !closing) {
          const why =
            error ??
            explainDeath(code, signal, lines).replace(
              " while it rendered this frame",
              " while it opened the scene",
            );
          fail(new Error(error ? `Blender could not be started (${error}). Check ${install.path}.` : why));
        }
        running?.end({ ok: false, reason: explainDeath(code, signal, running.lines) });
      },
    });
    blender = mine;
    try {
      return await ready;
    } catch (error) {
      mine.kill();
      blender = null;
      throw error;
    } finally {
      opening = null;
    }
  };

  const renderOne = async (frame: number, request: RenderRequest): Promise<void> => {
    if (blender === null) listener.log(await open(listener));
    const renderer = blender as BlenderProcess | null;
    if (renderer === null)
      throw new Error(
        "Blender ended as soon as it had opened the scene. Read the log for the cause: tally logs",
      );
    const folder = join(request.folder, `frame${frame}`);
    // Blender waits meanwhile, and asking is cheaper than removing nothing.
    if (existsSync(folder)) await rm(folder, { recursive: true, force: true });
    let watchdog: NodeJS.Timeout | undefined;
    const outcome = await new Promise<Outcome>((resolve) => {
      running = {
        frame,
        startedAt: performance.now(),
        lines: [],
        files: [],
        look: undefined,
        progress: newProgress(),
        saidAt: performance.now(),
        said: 0,
        end: resolve,
      };
      if (request.timeout > 0) {
        watchdog = setTimeout(() => {
          blender = null;
          renderer.kill();
          const limit = `its limit of ${request.timeout} s`;
          resolve({
            ok: false,
            reason: `The frame took longer than ${limit} and was stopped. Submit again with a larger --frame-timeout, or find what hangs in the scene.`,
          });
        }, request.timeout * 1000);
      }
      renderer.render(frame, folder);
    });
    clearTimeout(watchdog);
    const done = running as Running | null;
    running = null;
    const seconds = Math.round(performance.now() - (done?.startedAt ?? 0)) / 1000;
    if (outcome.ok) {
      const { files = [], look } = done ?? {};
      listener.frame({
        frame,
        state: "succeeded",
        files,
        seconds,
        device,
        ...(look !== undefined && { look }),
      });
    } else {
      await rm(folder, { recursive: true, force: true });
      listener.frame({ frame, state: "failed", reason: outcome.reason, seconds });
    }
  };

  return {
    open,
    render: async (request, to) => {
      listener = to;
      try {
        for (const frame of request.frames) {
          // The agent leaves this word when a pause or a higher priority waits: the rest goes back. Each is named, for
          // when the first is left out too, nothing else would tell this from a command that did them all.
          if (existsSync(join(request.folder, "stop-after-frame"))) to.frame({ frame, state: "released" });
          else await renderOne(frame, request);
        }
      } finally {
        listener = { log: () => undefined, frame: () => undefined };
      }
    },
    kill: () => {
      closing = true;
      blender?.kill();
    },
    close: async () => {
      closing = true;
      await blender?.close(3000);
    },
  };
}

/** What a frame's end means; a script that failed on the way makes the picture doubtful though Blender is content. */
function outcomeOf(
  message: Extract<DriverMessage, { event: "done" }>,
  lines: string[],
  allowMissing: boolean,
): Outcome {
  if (!message.ok) return { ok: false, reason: message.reason ?? explain(message.words ?? "", lines) };
  const at = lines.findIndex((line) => SCRIPT_TROUBLE.test(line));
  if (at < 0 || allowMissing) return { ok: true };
  if (/Error in PyDriver/.test(lines[at] ?? "")) return { ok: false, reason: explain(lines[at] ?? "", []) };
  const raised =
    lines.slice(at + 1).find((line) => /^\w[\w.]*(?:Error|Exception|Exit|Interrupt)\b/.test(line)) ?? "";
  return {
    ok: false,
    reason: `A script in the scene failed, so the picture may be wrong (Blender: "${raised}"). Mend the script, or submit again with --allow-missing to keep such frames.`,
  };
}
