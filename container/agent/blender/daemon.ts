// The background process of a render session: owns Blender, listens in the session's folder, serves one client at a time.
import { chmod, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import type { BlenderInstall } from "./discover.ts";
import { createRenderer } from "./frame-queue.ts";
import type { RenderSettings } from "./settings.ts";
import { atHome, readRules } from "./rules.ts";
import { onLines, sendLine, socketPath } from "./wire.ts";
import type { FrameLine, ToDaemon } from "./wire.ts";

export type DaemonOrder = {
  install: BlenderInstall;
  /** `place` is where Blender shall believe that the scene lies. */
  settings: RenderSettings & { place: string };
  copy: string;
  sessionFolder: string;
  scratch: string;
};

const LOOK_EVERY_MS = 15_000;
const IDLE_LIMIT_MS = 60 * 60_000;

/** Serves a session until it is told to stop, its folder is gone, or nobody has come for an hour. */
export async function serveSession(order: DaemonOrder, listening: () => void): Promise<void> {
  const { install, settings, copy, sessionFolder, scratch } = order;
  const path = socketPath(sessionFolder);
  const rules = await readRules(settings.rules);
  const renderer = createRenderer(install, { ...settings, copy }, scratch);
  const listen = (socket: Socket) => ({
    log: (line: string) => sendLine(socket, { is: "log", line }),
    frame: (frame: FrameLine) => {
      const { reason } = frame;
      if (reason !== undefined) frame.reason = atHome(reason, settings.original, rules);
      sendLine(socket, { is: "frame", frame });
    },
  });
  let busy: Socket | null = null;
  let usedAt = performance.now();
  let finish: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });

  const handle = async (socket: Socket, message: ToDaemon): Promise<void> => {
    usedAt = performance.now();
    if (message.do === "stop") {
      await renderer.close();
      sendLine(socket, { is: "done" });
      return finish();
    }
    if (busy)
      return sendLine(socket, {
        is: "fatal",
        reason: "This Blender already renders; wait for its frames to end.",
      });
    busy = socket;
    try {
      if (message.do === "open") {
        sendLine(socket, { is: "ready", text: await renderer.open(listen(socket)) });
      } else {
        const timeout = message.timeout ?? settings.frameTimeout;
        await renderer.render({ frames: message.frames, folder: message.folder, timeout }, listen(socket));
        sendLine(socket, { is: "done" });
      }
    } catch (error) {
      const reason = atHome(error instanceof Error ? error.message : String(error), settings.original, rules);
      sendLine(socket, { is: "fatal", reason });
      if (message.do === "open") finish();
    } finally {
      busy = null;
      usedAt = performance.now();
    }
  };

  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("close", () => {
      // Whoever asked is gone in mid-frame: the frame belongs to nobody now.
      if (busy === socket) {
        renderer.kill();
        finish();
      }
    });
    onLines<ToDaemon>(socket, (message) => void handle(socket, message));
  });
  await rm(path, { force: true });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(path, resolve);
  });
  if (process.platform !== "win32") await chmod(path, 0o600);
  const look = setInterval(() => {
    if (!existsSync(sessionFolder) || (!busy && performance.now() - usedAt > IDLE_LIMIT_MS)) finish();
  }, LOOK_EVERY_MS);
  process.once("SIGTERM", finish);
  listening();
  await finished;
  clearInterval(look);
  renderer.kill();
  server.close();
  await rm(path, { force: true });
}
