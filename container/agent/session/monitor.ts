// Watches the output of one action: carries out its directives, hides secrets, and remembers why it failed.
import { readDirective, type Directive, type FrameReport, type LogLevel } from "./directives.ts";
import type { Redactor } from "./redaction.ts";
import type { VariableLayer } from "./variables.ts";

const LEVELS: Record<LogLevel, number> = { ERROR: 0, WARNING: 1, INFO: 2, DEBUG: 3 };
const MAX_LAST_LINE = 300;

/** What an action says about itself while it runs; texts have their secrets hidden. */
export type ActionNews =
  | { kind: "progress"; percent: number }
  | { kind: "status"; text: string }
  | { kind: "frame"; report: FrameReport };

export interface MonitorOptions {
  redactor: Redactor;
  /** The layer of the environment that is being entered or left; undefined while a task runs: it may set nothing. */
  layer: VariableLayer | undefined;
  redactedVariables: boolean;
  onLine: (line: string) => void;
  onNews?: (news: ActionNews) => void;
  /** The output itself makes the action fail: stop it. */
  onFatal: () => void;
}

export interface Monitor {
  onLine(line: string, continued: boolean): void;
  holdBack(text: string): number;
  readonly failText: string | undefined;
  readonly complaint: string | undefined;
  /** The last line that was no directive and not blank. */
  readonly lastLine: string | undefined;
}

/** Makes the listener of one action. */
export function createMonitor(options: MonitorOptions): Monitor {
  const { redactor, layer } = options;
  let failText: string | undefined;
  let complaint: string | undefined;
  let lastLine: string | undefined;
  let level: LogLevel = "INFO";

  function say(at: LogLevel, text: string): void {
    if (LEVELS[at] <= LEVELS[level]) options.onLine(redactor.redact(`tally: ${text}`));
  }

  function obey(directive: Directive): void {
    switch (directive.kind) {
      case "progress":
        options.onNews?.({ kind: "progress", percent: directive.percent });
        break;
      case "status":
        options.onNews?.({ kind: "status", text: redactor.redact(directive.text) });
        break;
      case "fail":
        failText = directive.text;
        break;
      case "env":
        setVariable(directive);
        break;
      case "unset-env":
        layer?.unset.add(directive.name);
        break;
      case "log-level":
        level = directive.level;
        break;
      case "frame": {
        const { reason, device, status } = directive.report;
        const report = {
          ...directive.report,
          ...(reason !== undefined && { reason: redactor.redact(reason) }),
          ...(device !== undefined && { device: redactor.redact(device) }),
          ...(status !== undefined && { status: redactor.redact(status) }),
        };
        options.onNews?.({ kind: "frame", report });
        break;
      }
      case "malformed":
        break;
    }
  }

  function setVariable(directive: Directive & { kind: "env" }): void {
    if (!directive.secret) layer?.set.set(directive.name, directive.value);
    else if (options.redactedVariables) layer?.set.set(directive.name, directive.value);
    else {
      say(
        "WARNING",
        `openjd_redacted_env set nothing: the template does not ask for the extension REDACTED_ENV_VARS. Add it to "extensions".`,
      );
    }
  }

  return {
    onLine(line, continued) {
      // The middle of an overlong line is never a directive, whatever it looks like.
      const directive = continued ? undefined : readDirective(line);
      if (directive?.kind === "env" && directive.secret) {
        redactor.add(directive.value);
        if (directive.raw !== undefined) redactor.add(directive.raw);
      }
      if (directive?.kind === "malformed" && directive.secret !== undefined) redactor.add(directive.secret);
      const shown = redactor.redact(line);
      // What a driver says of its frames is shown as their state, not among what the renderer wrote.
      if (directive?.kind !== "frame") options.onLine(shown);
      else if (directive.report.state === "failed")
        say(
          "ERROR",
          `frame ${directive.report.frame} failed: ${directive.report.reason ?? "no reason given"}`,
        );
      if (directive === undefined) {
        if (line.trim() !== "") lastLine = shown.trim().slice(0, MAX_LAST_LINE);
        return;
      }
      if (directive.kind !== "malformed") return obey(directive);
      say(directive.fatal ? "ERROR" : "WARNING", directive.message);
      if (!directive.fatal) return;
      complaint ??= directive.message;
      options.onFatal();
    },
    holdBack: (text) => redactor.openEnd(text),
    get failText() {
      return failText;
    },
    get complaint() {
      return complaint;
    },
    get lastLine() {
      return lastLine;
    },
  };
}
