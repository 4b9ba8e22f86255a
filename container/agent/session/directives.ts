// Reads what a process tells its session on stdout: openjd_… lines and the frames that a render driver reports.

export type LogLevel = "ERROR" | "WARNING" | "INFO" | "DEBUG";

export interface FrameFile {
  path: string;
  name: string;
  bytes: number;
}

const FRAME_STATES = ["started", "progress", "succeeded", "failed", "released"] as const;

/** One `tally_frame:` line: what a render driver says about one frame of its action. */
export interface FrameReport {
  frame: number;
  /** `released`: left out, because the lease was told to end early (the file `stop-after-frame` in its folder). */
  state: (typeof FRAME_STATES)[number];
  progress?: number;
  /** What it is at, in the renderer's words: Sample 64/160. */
  status?: string;
  seconds?: number;
  reason?: string;
  /** What it was rendered on: CPU, or the GPU's name. */
  device?: string;
  /** The file that says how its pictures look, for their previews. */
  look?: string;
  files: FrameFile[];
}

export type Directive =
  | { kind: "progress"; percent: number }
  | { kind: "status"; text: string }
  | { kind: "fail"; text: string }
  | { kind: "env"; name: string; value: string; secret: boolean; raw?: string }
  | { kind: "unset-env"; name: string }
  | { kind: "log-level"; level: LogLevel }
  | { kind: "frame"; report: FrameReport }
  /** Something is wrong with the line. When `fatal`, the action fails; `secret` is what must not be shown of it. */
  | { kind: "malformed"; message: string; fatal: boolean; secret?: string };

const DIRECTIVE =
  /^openjd_(progress|status|fail|env|redacted_env|unset_env|session_runtime_loglevel): (.+)$/s;
const NEAR_MISS = /^\s*openjd_(env|redacted_env|unset_env)(?![A-Za-z0-9_])[\s:]*(.*)$/is;
const NUMBER = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;
const ASSIGNMENT = /^[A-Za-z_][A-Za-z0-9_]*=/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
const FRAME = "tally_frame: ";
const LEVELS: readonly string[] = ["ERROR", "WARNING", "INFO", "DEBUG"];

/** What a line means to the session; undefined for ordinary output. */
export function readDirective(line: string): Directive | undefined {
  const first = line.charAt(0);
  if (first === "t" && line.startsWith(FRAME)) return readFrame(line.slice(FRAME.length));
  // Cheap way out for the thousands of lines that renderers write.
  if (first !== "o" && first !== "O" && first.trim() !== "") return undefined;
  const [, kind, text] = DIRECTIVE.exec(line) ?? [];
  if (kind === undefined || text === undefined) return nearMiss(line);
  switch (kind) {
    case "progress":
      return readProgress(text);
    case "status":
      return { kind: "status", text };
    case "fail":
      return { kind: "fail", text };
    case "unset_env": {
      const name = text.trimStart();
      if (NAME.test(name)) return { kind: "unset-env", name };
      return malformed("openjd_unset_env names no variable. Print it as: openjd_unset_env: NAME");
    }
    case "session_runtime_loglevel": {
      const level = text.trim().toUpperCase();
      if (LEVELS.includes(level)) return { kind: "log-level", level: level as LogLevel };
      return {
        kind: "malformed",
        message: `openjd_session_runtime_loglevel must be one of ${LEVELS.join(", ")}.`,
        fatal: false,
      };
    }
    default:
      return readVariable(text.trimStart(), kind === "redacted_env");
  }
}

function malformed(message: string, secret?: string): Directive {
  return { kind: "malformed", message, fatal: true, ...(secret !== undefined && { secret }) };
}

function nearMiss(line: string): Directive | undefined {
  const [, kind, rest = ""] = NEAR_MISS.exec(line) ?? [];
  if (kind === undefined) return undefined;
  const name = `openjd_${kind.toLowerCase()}`;
  const secret = kind.toLowerCase() === "redacted_env" ? rest.slice(rest.indexOf("=") + 1) : undefined;
  return malformed(
    `A line looks like ${name} but is not written as "${name}: …" from its first character.`,
    secret,
  );
}

function readProgress(text: string): Directive {
  const percent = NUMBER.test(text) ? Number(text) : Number.NaN;
  if (percent >= 0 && percent <= 100) return { kind: "progress", percent };
  return { kind: "malformed", message: "openjd_progress must be a number from 0 to 100.", fatal: false };
}

function readVariable(text: string, secret: boolean): Directive {
  if (ASSIGNMENT.test(text)) return variable(text, secret);
  if (text.startsWith('"')) {
    try {
      const inner: unknown = JSON.parse(text);
      if (typeof inner === "string" && ASSIGNMENT.test(inner)) {
        return { ...variable(inner, secret), raw: text.slice(text.indexOf("=") + 1).replace(/"$/, "") };
      }
    } catch {
      // Falls through: it is no JSON text either.
    }
  }
  const name = secret ? "openjd_redacted_env" : "openjd_env";
  const message = `${name} sets no variable. Print it as: ${name}: NAME=value`;
  if (!secret) return malformed(message);
  // Both reference runtimes go on after a bad redacted line; what it tried to hide is hidden all the same.
  return { kind: "malformed", message, fatal: false, secret: text.slice(text.indexOf("=") + 1) };
}

function variable(text: string, secret: boolean): Directive & { kind: "env" } {
  const at = text.indexOf("=");
  return { kind: "env", name: text.slice(0, at), value: text.slice(at + 1), secret };
}

function readFrame(text: string): Directive {
  const bad: Directive = {
    kind: "malformed",
    message: "A tally_frame line is not the JSON of a frame report.",
    fatal: false,
  };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return bad;
  }
  if (typeof value !== "object" || value === null) return bad;
  const { frame, state, progress, status, seconds, reason, device, look, files } = value as Record<
    string,
    unknown
  >;
  const known = FRAME_STATES.find((one) => one === state);
  if (!Number.isInteger(frame) || known === undefined) return bad;
  const report: FrameReport = { frame: frame as number, state: known, files: [] };
  if (typeof progress === "number" && progress >= 0 && progress <= 1) report.progress = progress;
  if (typeof status === "string" && status !== "") report.status = status.slice(0, 1000);
  if (typeof seconds === "number" && seconds >= 0) report.seconds = seconds;
  if (typeof reason === "string") report.reason = reason.slice(0, 4000);
  if (typeof device === "string" && device !== "") report.device = device.slice(0, 200);
  if (typeof look === "string" && look !== "" && look.length <= 4096) report.look = look;
  for (const file of Array.isArray(files) ? (files as unknown[]).slice(0, 1000) : []) {
    const { path, name, bytes } = (file ?? {}) as Record<string, unknown>;
    if (typeof path !== "string" || typeof name !== "string" || !Number.isSafeInteger(bytes)) return bad;
    report.files.push({ path, name, bytes: bytes as number });
  }
  return { kind: "frame", report };
}
