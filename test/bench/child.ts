// A process of its own that answers calls over the channel to its parent: servers and load each get one, so that no
// measurement shares an event loop with what it measures.
import { fork } from "node:child_process";

export interface Child {
  pid: number;
  /** Calls a function of the child. Rejects with its error, or when the child ended. */
  call<T>(name: string, argument?: unknown): Promise<T>;
  /** Ends the child by closing its channel; resolves when it is gone. */
  stop(): Promise<void>;
}

interface Question {
  id: number;
  name: string;
  argument: unknown;
}

interface Answer {
  id: number;
  value?: unknown;
  error?: string;
}

/** Starts `file` as a child. `flags` are for its Node. */
export function startChild(file: string, flags: readonly string[] = []): Child {
  const child = fork(file, [], { execArgv: [...flags], stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const open = new Map<number, PromiseWithResolvers<unknown>>();
  const ended = new Promise<void>((done) => child.once("exit", () => done()));
  let ids = 0;
  child.on("message", (answer: Answer) => {
    const call = open.get(answer.id);
    open.delete(answer.id);
    if (answer.error === undefined) call?.resolve(answer.value);
    else call?.reject(new Error(answer.error));
  });
  void ended.then(() => {
    for (const call of open.values()) call.reject(new Error(`${file} ended with code ${child.exitCode}`));
    return open.clear();
  });
  return {
    pid: child.pid ?? 0,
    call<T>(name: string, argument?: unknown): Promise<T> {
      const call = Promise.withResolvers<unknown>();
      const question: Question = { id: ++ids, name, argument };
      open.set(question.id, call);
      child.send(question);
      return call.promise as Promise<T>;
    },
    async stop() {
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** Answers a parent's calls with `functions` until the channel closes, then runs `end` and exits. */
export function serveCalls(
  functions: Record<string, (argument: never) => unknown>,
  end: () => Promise<void> | void = () => {},
): void {
  process.on("message", (question: Question) => {
    void answerTo(functions, question).then((answer) => process.send?.(answer));
  });
  process.once("disconnect", () => {
    void Promise.resolve(end()).finally(() => process.exit());
  });
}

async function answerTo(
  functions: Record<string, (argument: never) => unknown>,
  { id, name, argument }: Question,
): Promise<Answer> {
  try {
    const value = await functions[name]?.(argument as never);
    return { id, value };
  } catch (error) {
    return { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
  }
}
