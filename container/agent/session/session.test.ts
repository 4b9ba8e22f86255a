// Sessions with real processes: environments, secrets, time limits, both ways of stopping, everything killed.
import { mkdirSync, readFileSync, statSync } from "node:fs";
import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { listMarked } from "../platform/processes.ts";
import type { Environment, StepScript } from "../../../broker/openjd/types.ts";
import { createSession, type ActionNews, type Session, type SessionOptions } from "./session.ts";

let parent: string;
let lines: string[];
let news: ActionNews[];
let waiting: { match: (line: string) => boolean; found: () => void }[];
const open: Session[] = [];

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), "tally-session-"));
  lines = [];
  news = [];
  waiting = [];
});

afterEach(async () => {
  for (const session of open.splice(0)) await session.abandon();
  await rm(parent, { recursive: true, force: true });
});

function start(options: Partial<SessionOptions> = {}): Session {
  const session = createSession({
    id: `test-${process.pid}-${Math.random().toString(36).slice(2)}`,
    folder: join(parent, "s"),
    parameters: {},
    pathMappingRules: [],
    baseEnvironment: { PATH: process.env.PATH },
    fixedVariables: {},
    redactedVariables: true,
    onLine: (line) => {
      lines.push(line);
      for (const it of waiting.filter(({ match }) => match(line))) it.found();
    },
    onNews: (it) => news.push(it),
    ...options,
  });
  open.push(session);
  return session;
}

function lineLike(pattern: RegExp): Promise<void> {
  if (lines.some((line) => pattern.test(line))) return Promise.resolve();
  return new Promise((found) => waiting.push({ match: (line) => pattern.test(line), found }));
}

function shell(script: string, more: Partial<StepScript["actions"]["onRun"]> = {}): StepScript {
  return { actions: { onRun: { command: "sh", args: ["-c", script, "sh"], ...more } } };
}

function environment(name: string, enter: string, exit = ":"): Environment {
  const action = (script: string) => ({ command: "sh", args: ["-c", script, "sh"] });
  return { name, script: { actions: { onEnter: action(enter), onExit: action(exit) } } };
}

test("one process writes to both streams and the order is kept", async () => {
  const session = start();
  await session.runTask(
    shell("for i in 1 2 3 4; do echo out$i; echo err$i >&2; echo dev > /dev/stderr; done"),
    {},
  );
  expect(lines).toEqual([1, 2, 3, 4].flatMap((i) => [`out${i}`, `err${i}`, "dev"]));
});

test("folders and embedded files are for this user alone, and files are written anew for each action", async () => {
  const session = start();
  expect(statSync(session.folder).mode & 0o777).toBe(0o700);
  const script: StepScript = {
    actions: { onRun: { command: "{{Task.File.Go}}" } },
    embeddedFiles: [
      {
        name: "Go",
        type: "TEXT",
        runnable: true,
        filename: "go.sh",
        data: '#!/bin/sh\nstat -c %a "$0"; echo bad > "$0"\n',
      },
    ],
  };
  expect((await session.runTask(script, {})).state).toBe("succeeded");
  expect((await session.runTask(script, {})).state).toBe("succeeded");
  expect(lines).toEqual(["700", "700"]);
});

test("an embedded file that is not runnable cannot be the command, and the reason says what to add", async () => {
  const session = start();
  const script: StepScript = {
    actions: { onRun: { command: "{{Task.File.Go}}" } },
    embeddedFiles: [{ name: "Go", type: "TEXT", data: "#!/bin/sh\n" }],
  };
  expect((await session.runTask(script, {})).reason).toContain('add "runnable: true"');
});

test("commands are looked for on the PATH that an environment set", async () => {
  const session = start();
  const tools = join(parent, "tools");
  mkdirSync(tools);
  await session.enter(
    environment(
      "A",
      `printf '#!/bin/sh\\necho found\\n' > ${tools}/mine; chmod +x ${tools}/mine; echo "openjd_env: PATH=${tools}:$PATH"`,
    ),
  );
  expect((await session.runTask({ actions: { onRun: { command: "mine" } } }, {})).state).toBe("succeeded");
  expect(lines).toContain("found");
});

test("a command that nobody has is named in one sentence", async () => {
  const session = start();
  const { reason } = await session.runTask({ actions: { onRun: { command: "no-such-renderer" } } }, {});
  expect(reason).toBe(
    'The command "no-such-renderer" was not found on this worker. Install it there, or give its full path in the template.',
  );
});

test("what an environment sets ends with it, and unset beats set inside one environment", async () => {
  const session = start();
  await session.enter({
    ...environment("A", "echo 'openjd_env: X=a'; echo 'openjd_env: Y=a'"),
    variables: { Z: "a" },
  });
  await session.enter(
    environment("B", "echo 'openjd_unset_env: X'; echo 'openjd_env: X=b'; echo 'openjd_env: Y=b'"),
  );
  await session.runTask(shell('echo "[$X|$Y|$Z]"; echo "openjd_env: Y=task"'), {});
  await session.exit();
  await session.runTask(shell('echo "[$X|$Y|$Z]"'), {});
  expect(lines.filter((line) => line.startsWith("["))).toEqual(["[|b|a]", "[a|a|a]"]);
});

describe("secrets", () => {
  test("a redacted value never leaves: not in lines, status, frames or reasons, nor cut in two by a long line", async () => {
    const session = start();
    await session.enter(environment("A", "echo 'openjd_redacted_env: KEY=s3cr3t-value'"));
    const filler = 64 * 1024 - 5;
    const result = await session.runTask(
      shell(
        `echo "x$KEY"; echo "openjd_status: at $KEY"; echo 'tally_frame: {"frame":1,"state":"failed","reason":"'$KEY'"}';` +
          ` head -c ${filler} /dev/zero | tr '\\0' a; echo "$KEY"; echo "openjd_fail: because $KEY"; exit 1`,
      ),
      {},
    );
    const all = JSON.stringify([lines, news, result]);
    expect(all).not.toContain("s3cr3t");
    expect(all).not.toContain("value");
    expect(lines[0]).toBe("openjd_redacted_env: KEY=********");
    expect(lines[1]).toBe("x********");
    expect(result.reason).toBe("because ********");
    expect(news).toContainEqual({ kind: "status", text: "at ********" });
  });

  test("each line of a value with several lines is hidden", async () => {
    const session = start();
    await session.enter(
      environment("A", String.raw`printf '%s\n' 'openjd_redacted_env: "KEY=first\nmiddle-part\nlast"'`),
    );
    await session.runTask(shell('echo "$KEY"; echo "it is middle-part!"; echo plain'), {});
    expect(lines.slice(1)).toEqual(["********", "********", "********", "it is ********!", "plain"]);
  });

  test("a near miss of openjd_redacted_env fails the action and still hides the value", async () => {
    const session = start();
    const result = await session.enter(environment("A", "echo 'OpenJD_Redacted_Env: KEY=hush-hush'"));
    expect(result.state).toBe("failed");
    expect(JSON.stringify([lines, result])).not.toContain("hush");
  });
});

test("malformed progress is ignored, good progress and frames are passed on", async () => {
  const session = start();
  const result = await session.runTask(
    shell(
      `echo "openjd_progress: 140"; echo "openjd_progress: 12.5"; echo 'tally_frame: {"frame":3,"state":"progress","progress":0.5,"status":"Sample 1/2"}'; echo "tally_frame: {oops"`,
    ),
    {},
  );
  expect(result.state).toBe("succeeded");
  expect(news).toEqual([
    { kind: "progress", percent: 12.5 },
    {
      kind: "frame",
      report: { frame: 3, state: "progress", progress: 0.5, status: "Sample 1/2", files: [] },
    },
  ]);
  // What was understood of frames is shown as their state; a line that is wrong is there for who writes a driver.
  expect(lines.filter((line) => line.includes("tally_frame"))).toEqual([
    "tally_frame: {oops",
    "tally: A tally_frame line is not the JSON of a frame report.",
  ]);
});

test.each([
  "openjd_env: 1X=2",
  "openjd_unset_env: A=B",
  " openjd_env: X=1",
  "OPENJD_ENV: X=1",
  "openjd_env:X=1",
])("the line %j fails the action", async (line) => {
  const session = start();
  const result = await session.enter(environment("A", `echo '${line}'`));
  expect(result.state).toBe("failed");
  expect(session.broken).toBe(true);
});

test("openjd_fail fails the action also with exit code 0", async () => {
  const session = start();
  const result = await session.runTask(shell("echo 'openjd_fail: no licence left'"), {});
  expect(result).toMatchObject({ state: "failed", exitCode: 0, reason: "no licence left" });
});

test("a crash is told by its signal and the last words", async () => {
  const session = start();
  const result = await session.runTask(shell("echo 'Error: out of cheese'; kill -SEGV $$"), {});
  expect(result.reason).toBe('"sh" was ended by SIGSEGV: it crashed. Its last words: Error: out of cheese');
});

test("bytes that are no UTF-8 become \\xNN, carriage returns end lines, long lines are cut", async () => {
  const session = start();
  await session.runTask(
    shell(
      String.raw`printf 'a\377b\303\274\r\nfast\rslow\n'; head -c 70000 /dev/zero | tr '\0' x; printf '\nno end'`,
    ),
    {},
  );
  expect(lines.slice(0, 3)).toEqual([String.raw`a\xffbü`, "fast", "slow"]);
  expect(lines.slice(3).map((line) => line.length)).toEqual([65536, 70000 - 65536, "no end".length]);
});

describe("stopping", () => {
  test("TERMINATE kills the tree at once, children that left the group too", async () => {
    const session = start();
    const running = session.runTask(shell('setsid sh -c "sleep 300 & echo deep; wait" & echo up; wait'), {});
    await lineLike(/^deep$/);
    const before = performance.now();
    await session.cancel({ everything: true });
    expect(performance.now() - before).toBeLessThan(1000);
    expect((await running).state).toBe("canceled");
    expect(listMarked("TALLY_SESSION", session.id)).toEqual([]);
  });

  test("NOTIFY_THEN_TERMINATE writes cancel_info.json, sends SIGTERM and lets the command finish in its period", async () => {
    const session = start();
    const running = session.runTask(
      shell(
        "trap 'cat cancel_info.json; echo; echo saved; exit 7' TERM; echo up; while :; do sleep 0.05; done",
        {
          cancelation: { mode: "NOTIFY_THEN_TERMINATE", notifyPeriodInSeconds: 60 },
        },
      ),
      {},
    );
    await lineLike(/^up$/);
    const before = Date.now();
    await session.cancel();
    expect(await running).toMatchObject({ state: "canceled", exitCode: 7 });
    const info = JSON.parse(lines.find((line) => line.startsWith("{")) ?? "{}") as { NotifyEnd: string };
    expect(info.NotifyEnd).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    expect(Math.abs(Date.parse(info.NotifyEnd) - before - 60_000)).toBeLessThan(10_000);
    expect(lines).toContain("saved");
  });

  test("after the period it is killed", async () => {
    const session = start();
    const running = session.runTask(
      shell("trap 'echo deaf' TERM; echo up; while :; do sleep 0.05; done", {
        cancelation: { mode: "NOTIFY_THEN_TERMINATE", notifyPeriodInSeconds: 1 },
      }),
      {},
    );
    await lineLike(/^up$/);
    const before = performance.now();
    await session.cancel();
    expect((await running).state).toBe("canceled");
    expect(performance.now() - before).toBeGreaterThan(950);
    expect(lines).toContain("deaf");
  });

  test("a time limit fails the action; environments are left all the same", async () => {
    const session = start();
    await session.enter(environment("A", ":", "echo left"));
    const result = await session.runTask(shell("sleep 300", { timeout: 1 }), {});
    expect(result.state).toBe("failed");
    expect(result.reason).toContain("did not finish within 1 second and was stopped");
    await session.end();
    expect(lines).toContain("left");
  });

  test("an environment whose entering failed is left too, in reverse order", async () => {
    const session = start();
    await session.enter(environment("A", ":", "echo exit A"));
    await session.enter(environment("B", "exit 3", "echo exit B"));
    expect(session.broken).toBe(true);
    await session.end();
    expect(lines).toEqual(["exit B", "exit A"]);
  });

  test("a detached grandchild that holds the output does not hang the action, and dies with the session", async () => {
    const session = start();
    const before = performance.now();
    const result = await session.runTask(shell("setsid sleep 300 & echo started"), {});
    expect(result.state).toBe("succeeded");
    expect(performance.now() - before).toBeLessThan(9000);
    expect(listMarked("TALLY_SESSION", session.id)).toHaveLength(1);
    await session.end();
    expect(listMarked("TALLY_SESSION", session.id)).toEqual([]);
    await expect(stat(session.folder)).rejects.toThrow("ENOENT");
  });
});

test("standard input is closed, and no variable of the agent reaches a command", async () => {
  const session = start({ baseEnvironment: { PATH: process.env.PATH } });
  await session.runTask(shell("cat; env | grep TALLY_ | sed 's/=.*//' | sort"), {});
  expect(lines).toEqual(["TALLY_SESSION", "TALLY_SESSION_DIR"]);
});

test("the rules file holds the path mapping rules", async () => {
  const rules = [{ sourcePathFormat: "POSIX" as const, sourcePath: "/mnt/a", destinationPath: "/b" }];
  const session = start({ pathMappingRules: rules, parameters: { P: { type: "PATH", value: "/mnt/a/x" } } });
  await session.runTask(
    shell('cp "$1" out.json; echo "$2"', {
      args: ["-c", 'cp "$1" out.json; echo "$2"', "sh", "{{Session.PathMappingRulesFile}}", "{{Param.P}}"],
    }),
    {},
  );
  expect(lines).toEqual(["/b/x"]);
  expect(JSON.parse(readFileSync(join(session.folder, "work", "out.json"), "utf8"))).toEqual({
    version: "pathmapping-1.0",
    path_mapping_rules: [{ source_path_format: "POSIX", source_path: "/mnt/a", destination_path: "/b" }],
  });
  expect(await readFile(join(session.folder, "path-mapping.json"), "utf8")).toContain("pathmapping-1.0");
});

test("what runs on an artist's machine has a lower priority, and so does what it starts", async () => {
  const session = start({ lowPriority: true });
  // The second process is started by the first, a moment later.
  await session.runTask(shell("until [ $(nice) = 10 ]; do :; done; sh -c nice"), {});
  expect(lines).toEqual(["10"]);
});

test("a hundred short actions start quickly one after the other", async () => {
  const session = start();
  for (let index = 0; index < 100; index += 1) {
    expect((await session.runTask({ actions: { onRun: { command: "true" } } }, {})).state).toBe("succeeded");
  }
});
