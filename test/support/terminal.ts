// A real terminal for tests: a shell inside tmux, typed into, looked at and resized as a person does it.
import { execFile, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { until } from "./studio.ts";

const run = promisify(execFile);

export interface Terminal {
  /** Types a line and Enter. */
  type(line: string): Promise<void>;
  /** A key as tmux calls it: C-c, C-z. */
  key(name: string): Promise<void>;
  /** What is on the screen, line by line; with `escapes` its colours too, with `history` what scrolled away before it. */
  lines(options?: { escapes?: boolean; history?: boolean }): Promise<string[]>;
  /** Waits until the screen shows this, and returns its text. */
  shows(what: RegExp): Promise<string>;
  resize(columns: number, rows: number): Promise<void>;
  isCursorShown(): Promise<boolean>;
  close(): Promise<void>;
}

/** Whether there is tmux on this machine. */
export const hasTmux = ((): boolean => {
  try {
    execFileSync("tmux", ["-V"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** Opens a terminal with a shell in `folder`. */
export async function openTerminal(
  folder: string,
  env: Record<string, string>,
  [columns, rows]: readonly [columns: number, rows: number] = [80, 24],
): Promise<Terminal> {
  const own = mkdtempSync(join(tmpdir(), "tally-tmux-"));
  // As a person's own shell: not one that npm started, nor one with settings of another Tally.
  const clean = Object.entries(process.env).filter(([name]) => !/^(npm_|TALLY_|FORCE_COLOR$)/.test(name));
  const shell = { ...Object.fromEntries(clean), LC_ALL: "C.UTF-8" };
  const tmux = async (...args: string[]): Promise<string> => {
    const all = ["-S", join(own, "socket"), "-f", "/dev/null", "-u", ...args];
    const { stdout } = await run("tmux", all, { env: shell });
    return stdout;
  };
  // By `env`, because tmux gives a session variables of its own.
  const variables = Object.entries({ ENV: "", ...env }).map(([name, value]) => `${name}=${value}`);
  const size = ["-x", String(columns), "-y", String(rows)];
  await tmux("new-session", "-d", ...size, "-c", folder, "env", ...variables, "sh", "-i");
  const capture = async (...more: string[]) => {
    const text = await tmux("capture-pane", "-p", ...more);
    return text.replace(/\n$/, "").split("\n");
  };
  const terminal: Terminal = {
    async type(line) {
      await tmux("send-keys", "-l", line);
      await tmux("send-keys", "Enter");
    },
    async key(name) {
      await tmux("send-keys", name);
    },
    lines: ({ escapes = false, history = false } = {}) =>
      capture(...(escapes ? ["-e"] : []), ...(history ? ["-S", "-"] : [])),
    async shows(what) {
      let text = "";
      const look = async () => {
        text = (await capture()).join("\n");
        return what.test(text) && text;
      };
      return until(`the terminal shows ${what}`, look).catch((error: unknown) => {
        throw new Error(`${String(error)} It shows:\n${text}`);
      });
    },
    async resize(wide, high) {
      await tmux("resize-window", "-x", String(wide), "-y", String(high));
    },
    isCursorShown: async () => (await tmux("display-message", "-p", "#{cursor_flag}")).trim() === "1",
    async close() {
      await tmux("kill-server");
      rmSync(own, { recursive: true, force: true });
    },
  };
  await terminal.shows(/^[$#]/m);
  return terminal;
}
