// A session: one working folder, environments entered outside-in, then actions one at a time (OpenJD "session").
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { hostLookup, resolveFormatString } from "../../../broker/openjd/format-string.ts";
import { pathMappingDocument, type PathMappingRule } from "../../../broker/openjd/path-mapping.ts";
import type {
  Action,
  EmbeddedFile,
  Environment,
  ParameterValue,
  StepScript,
  TaskParameterValue,
} from "../../../broker/openjd/types.ts";
import { MARKER, platform } from "../platform/platform.ts";
import { startAction, type RunningAction, type StopRequest } from "./action.ts";
import type { FrameReport } from "./directives.ts";
import { embeddedPaths, writeEmbeddedFiles } from "./embedded-files.ts";
import { createMonitor, type ActionNews } from "./monitor.ts";
import { failureSentence, notFoundSentence, startSentence } from "./sentences.ts";
import { createRedactor } from "./redaction.ts";
import { applyLayers, emptyLayer, type VariableLayer } from "./variables.ts";

const EXIT_TIMEOUT_SECONDS = 300;
const RUN_NOTIFY_SECONDS = 120;
const OTHER_NOTIFY_SECONDS = 30;

export interface SessionOptions {
  /** Unique on this machine: everything that the session starts carries it as TALLY_SESSION. */
  id: string;
  /** Made by the session and removed at its end. Keep it short: sockets are put there. */
  folder: string;
  parameters: Readonly<Record<string, ParameterValue>>;
  pathMappingRules: readonly PathMappingRule[];
  /** The environment of the machine, without TALLY_… variables. */
  baseEnvironment: Readonly<Record<string, string | undefined>>;
  /** Added to every process; nobody may change them. */
  fixedVariables: Readonly<Record<string, string>>;
  /** Whether the template asks for REDACTED_ENV_VARS: without it such a line hides its value but sets nothing. */
  redactedVariables: boolean;
  lowPriority?: boolean;
  /** Every line of output, secrets already hidden. */
  onLine: (line: string) => void;
  onNews?: (news: ActionNews) => void;
}

export interface ActionResult {
  state: "succeeded" | "failed" | "canceled";
  exitCode: number | null;
  seconds: number;
  /** Why it did not succeed, secrets hidden. */
  reason?: string;
}

export interface Session {
  readonly id: string;
  readonly folder: string;
  /** The names of the entered environments, outermost first. */
  readonly entered: readonly string[];
  /** Something failed or was stopped: only environment exits may follow. */
  readonly broken: boolean;
  enter(environment: Environment, variables?: Readonly<Record<string, string>>): Promise<ActionResult>;
  /** Runs a step's action; `variables` are added for this action alone. */
  runTask(
    script: StepScript,
    taskParameters: Readonly<Record<string, TaskParameterValue>>,
    variables?: Readonly<Record<string, string>>,
  ): Promise<ActionResult>;
  /** Leaves the innermost environment. */
  exit(): Promise<ActionResult>;
  /** Stops the running action; resolves when it is dead. The session is broken from then on. */
  cancel(how?: StopRequest & { everything?: boolean }): Promise<void>;
  /** Leaves every environment, kills what is left and removes the folder. The first failure of an exit is the answer. */
  end(): Promise<ActionResult>;
  /** Kills everything at once, without exits, and removes the folder. */
  abandon(): Promise<void>;
}

export type { ActionNews, FrameReport };

/**
 * Makes the folder of a session.
 * @throws Error when it cannot be made. Its parent must be private to this user.
 */
export function createSession(options: SessionOptions): Session {
  const { folder } = options;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  // Tells a later agent what to end, should this one be killed.
  writeFileSync(join(folder, "marker"), options.id, { mode: 0o600 });
  const workFolder = join(folder, "work");
  mkdirSync(workFolder, { mode: 0o700 });
  const rulesFile = join(folder, "path-mapping.json");
  const rules = options.pathMappingRules;
  writeFileSync(rulesFile, rules.length > 0 ? pathMappingDocument(rules) : "{}", { mode: 0o600 });
  const pipes = platform.pipes(folder);
  const redactor = createRedactor();
  const stack: { environment: Environment; layer: VariableLayer; files: string }[] = [];
  let counter = 0;
  let broken = false;
  let current: RunningAction | undefined;
  let stopping = false;
  let killing: Promise<unknown> = Promise.resolve();

  function lookupFor(
    files: { scope: "Task" | "Env"; embedded: readonly EmbeddedFile[]; folder: string },
    taskParameters?: Readonly<Record<string, TaskParameterValue>>,
  ): (name: string) => string | undefined {
    return hostLookup({
      parameters: options.parameters,
      ...(taskParameters && { taskParameters }),
      session: { workingDirectory: workFolder, pathMappingRulesFile: rulesFile },
      files: { scope: files.scope, paths: embeddedPaths(files.embedded, files.folder) },
      pathMappingRules: rules,
    });
  }

  async function perform(
    kind: "enter" | "run" | "exit",
    action: Action,
    files: { scope: "Task" | "Env"; embedded: readonly EmbeddedFile[]; folder: string },
    extra: {
      taskParameters?: Readonly<Record<string, TaskParameterValue>>;
      variables?: Readonly<Record<string, string>>;
    },
  ): Promise<ActionResult> {
    const fail = (reason: string): ActionResult => {
      broken = true;
      return { state: "failed", exitCode: null, seconds: 0, reason: redactor.redact(reason) };
    };
    const environment = applyLayers(
      options.baseEnvironment,
      stack.map((it) => it.layer),
      { ...options.fixedVariables, ...extra.variables, [MARKER]: options.id, TALLY_SESSION_DIR: folder },
    );
    let command: string;
    let args: string[];
    try {
      const lookup = lookupFor(files, extra.taskParameters);
      const resolve = (text: string): string => resolveFormatString(text, lookup);
      writeEmbeddedFiles(files.embedded, files.folder, resolve);
      command = resolve(action.command);
      args = (action.args ?? []).map((it) => resolve(it));
    } catch (error) {
      return fail(error instanceof Error ? error.message : String(error));
    }
    const file = platform.findCommand(command, environment.PATH ?? environment.Path, workFolder);
    if (file === undefined || !existsSync(file)) return fail(notFoundSentence(command));
    // The stop came while nothing ran: exits still run, nothing else does.
    if (stopping && kind !== "exit") return canceledResult(command);

    const monitor = createMonitor({
      redactor,
      layer: kind === "run" ? undefined : stack.at(-1)?.layer,
      redactedVariables: options.redactedVariables,
      onLine: options.onLine,
      ...(options.onNews && { onNews: options.onNews }),
      onFatal: () => void current?.cancel(),
    });
    const timeoutSeconds = action.timeout ?? (kind === "exit" ? EXIT_TIMEOUT_SECONDS : undefined);
    current = startAction(
      {
        file,
        name: command,
        args,
        folder: workFolder,
        environment,
        ...(timeoutSeconds !== undefined && { timeoutSeconds }),
        cancelation: action.cancelation ?? { mode: "TERMINATE" },
        defaultNotifySeconds: kind === "run" ? RUN_NOTIFY_SECONDS : OTHER_NOTIFY_SECONDS,
        lowPriority: options.lowPriority ?? false,
        pipes,
      },
      monitor,
    );
    const end = await current.done;
    current = undefined;
    if (end.startError !== undefined) end.startError = startSentence(command, end.startError);
    const { failText, complaint, lastLine } = monitor;
    const good = end.exitCode === 0 && [end.stopped, failText, complaint].every((it) => it === undefined);
    if (good) return { state: "succeeded", exitCode: 0, seconds: end.seconds };
    broken = true;
    const reason = failureSentence({
      command,
      end,
      ...(failText !== undefined && { failText }),
      ...(complaint !== undefined && { complaint }),
      ...(lastLine !== undefined && { lastLine }),
    });
    const state = end.stopped === "canceled" && complaint === undefined ? "canceled" : "failed";
    return { state, exitCode: end.exitCode, seconds: end.seconds, reason: redactor.redact(reason) };
  }

  function canceledResult(command: string): ActionResult {
    broken = true;
    return {
      state: "canceled",
      exitCode: null,
      seconds: 0,
      reason: redactor.redact(`"${command}" was stopped.`),
    };
  }

  const nothing: ActionResult = { state: "succeeded", exitCode: 0, seconds: 0 };

  async function enter(
    environment: Environment,
    variables: Readonly<Record<string, string>> = {},
  ): Promise<ActionResult> {
    const files = join(folder, `files-${(counter += 1)}`);
    const entry = { environment, layer: emptyLayer(), files };
    stack.push(entry);
    try {
      const lookup = lookupFor({ scope: "Env", embedded: [], folder: files });
      for (const [name, text] of Object.entries(environment.variables ?? {})) {
        entry.layer.set.set(name, resolveFormatString(text, lookup));
      }
    } catch (error) {
      broken = true;
      const reason = error instanceof Error ? error.message : String(error);
      return { state: "failed", exitCode: null, seconds: 0, reason: redactor.redact(reason) };
    }
    const action = environment.script?.actions.onEnter;
    if (action === undefined) return nothing;
    const embedded = environment.script?.embeddedFiles ?? [];
    return await perform("enter", action, { scope: "Env", embedded, folder: files }, { variables });
  }

  async function exit(): Promise<ActionResult> {
    // What ends the session's processes would end this one too.
    await killing;
    const entry = stack.at(-1);
    const action = entry?.environment.script?.actions.onExit;
    const embedded = entry?.environment.script?.embeddedFiles ?? [];
    const result =
      entry === undefined || action === undefined
        ? nothing
        : await perform("exit", action, { scope: "Env", embedded, folder: entry.files }, {});
    stack.pop();
    return result;
  }

  async function clear(): Promise<void> {
    await platform.killMarked(options.id, current?.pid === undefined ? [] : [current.pid]);
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }).catch(() => {});
  }

  return {
    id: options.id,
    folder,
    get entered() {
      return stack.map((it) => it.environment.name);
    },
    get broken() {
      return broken;
    },
    enter,
    exit,
    async runTask(script, taskParameters, variables = {}) {
      const files = {
        scope: "Task" as const,
        embedded: script.embeddedFiles ?? [],
        folder: join(folder, "files-task"),
      };
      return await perform("run", script.actions.onRun, files, { taskParameters, variables });
    },
    async cancel(how = {}) {
      broken = true;
      stopping = true;
      const running = current;
      const kill = (async () => {
        await running?.cancel(how);
        if (how.everything === true) await platform.killMarked(options.id, []);
      })();
      killing = Promise.allSettled([killing, kill]);
      await kill;
    },
    async end() {
      let first = nothing;
      while (stack.length > 0) {
        const result = await exit();
        if (first.state === "succeeded") first = result;
      }
      await clear();
      return first;
    },
    async abandon() {
      broken = true;
      stopping = true;
      stack.length = 0;
      await clear();
    },
  };
}
