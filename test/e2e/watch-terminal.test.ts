// `tally watch` on a real terminal, with a real broker and its agent: what a person sees, at every size, on good days and
// bad ones.
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { hasTmux, openTerminal, type Terminal } from "../support/terminal.ts";
import { submit as submitTo } from "../support/builders.ts";
import { joinWorker, started, succeeded } from "../support/fake-worker.ts";
import { testBroker } from "../support/start-broker.ts";
import { createDesk, type Desk } from "./cli-support.ts";
import { ofThisWorker } from "../support/this-worker.ts";

let desk: Desk;
let open: Terminal | undefined;
const submitted: number[] = [];

const entry = fileURLToPath(new URL("../../broker/cli/main.ts", import.meta.url));

/** Frames that each wait for a file of their number; frame 3 fails. */
const template = (name: string, range: string) => `specificationVersion: jobtemplate-2023-09
name: ${name}
steps:
  - name: Draw
    parameterSpace:
      taskParameterDefinitions:
        - { name: Frame, type: INT, range: "${range}" }
    script:
      actions:
        onRun:
          command: sh
          args: ["-c", "while [ ! -e go/${name}-{{Task.Param.Frame}} ]; do sleep 0.05; done; test {{Task.Param.Frame}} != 3"]
`;

async function terminal(
  size: readonly [number, number] = [80, 24],
  env: Record<string, string> = {},
): Promise<Terminal> {
  const path = `${join(desk.folder, "bin")}:${process.env["PATH"] ?? ""}`;
  const own = { PATH: path, TALLY_DATA: desk.dataFolder, LANG: "C.UTF-8", LC_ALL: "", NO_COLOR: "", ...env };
  open = await openTerminal(desk.folder, own, size);
  return open;
}

async function submit(name: string, range: string, ...flags: string[]): Promise<number> {
  await writeFile(
    join(desk.folder, `${name}.yaml`),
    template(name, range).replaceAll("go/", `${desk.folder}/go/`),
  );
  const { out } = await desk.tally("submit", `${name}.yaml`, "--json", "--retries", "0", ...flags);
  const { number } = (JSON.parse(out) as { job: { number: number } }).job;
  submitted.push(number);
  return number;
}

const go = (name: string, ...frames: number[]) =>
  Promise.all(frames.map((frame) => writeFile(join(desk.folder, "go", `${name}-${frame}`), "")));

/** The title, then lights, then counts; the title reaches to the right end of a terminal so wide. */
const sized = (columns: number) =>
  new RegExp(`^(?=.{${columns - 1}}$)Job \\d+  sizes .*\\n *1? *►[ ·]+\\n[^]*► 1 .*· 49.* 0%\\n`, "m");

const count = (text: string, what: RegExp) => [...text.matchAll(what)].length;

describe.skipIf(!hasTmux)("on a terminal", () => {
  beforeAll(async () => {
    desk = await createDesk();
    await mkdir(join(desk.folder, "go"));
    await mkdir(join(desk.folder, "bin"));
    const program = join(desk.folder, "bin", "tally");
    await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${entry}" "$@"\n`);
    await chmod(program, 0o755);
  });
  afterEach(async () => {
    await open?.close();
    open = undefined;
    // There is one worker here: a job that still waits for its frames would keep it.
    for (const number of submitted.splice(0)) await desk.tally("cancel", String(number));
  });
  afterAll(() => desk.close());

  test("the frames are lights, a failure scrolls away above them, and a final state stays", async () => {
    const number = await submit("lights", "1-6");
    const screen = await terminal();
    await screen.type(`tally watch ${number}; echo it ended with $?`);
    await screen.shows(
      /Job \d+ {2}lights .* running for .*\n► · · · · ·\n■ 0 done {2}► 1 running {2}· 5 waiting +0%/,
    );
    await screen.shows(ofThisWorker(/► frame 1 .* NAME \(this PC\)/));
    expect(await screen.isCursorShown()).toBe(false);
    await go("lights", 1, 2, 3);
    const failed = await screen.shows(
      /\n■ ■ X ► · ·\n■ 2 done {2}► 1 running {2}X 1 failed {2}· 2 waiting +33%/,
    );
    expect(failed).toMatch(
      ofThisWorker(/frame 3 failed on NAME: [^]*Read on: tally logs \d+ --frame 3\n\nJob/),
    );
    await go("lights", 4, 5, 6);
    const over = await screen.shows(/it ended with 1/);
    expect(over).toMatch(
      /Job \d+ {2}lights +failed after .*\n■ ■ X ■ ■ ■\n■ 5 done {2}X 1 failed +83%\n.* a frame\nJob \d+ failed: 1 of 6 frames\./,
    );
    expect(count(over, /^■ ■/gm)).toBe(1);
    expect(await screen.isCursorShown()).toBe(true);
  });

  test("of the frames that a worker took together only the one that it began runs", async () => {
    const broker = await testBroker();
    const { number } = await submitTo(broker.api, [{ frames: "11-16", chunk: 6 }]);
    const worker = await joinWorker(broker, { name: "render-01" });
    const held = await worker.work();
    const screen = await terminal([100, 24]);
    await screen.type(`tally watch ${number} --data ${broker.dataFolder}`);
    await screen.shows(
      /\n· · · · · ·\n■ 0 done {2}· 6 waiting +0%[^]*· frame 11, then 5 more .*about to start/,
    );
    await worker.report(held, [started(0)]);
    await screen.shows(
      /\n► · · · · ·\n■ 0 done {2}► 1 running {2}· 5 waiting +0%[^]*► frame 11, then 5 more /,
    );
    await worker.report(held, [succeeded(0), started(1)]);
    await screen.shows(
      /\n■ ► · · · ·\n■ 1 done {2}► 1 running {2}· 4 waiting +16%[^]*► frame 12, then 4 more /,
    );
    await screen.key("C-c");
    await screen.shows(/Stopped watching/);
  });

  test("a long sentence is broken between words, above the lights, at the end and in lines", async () => {
    const broker = await testBroker();
    const { number } = await submitTo(broker.api, [{ frames: "4-4" }], { maxRetries: 0 });
    const worker = await joinWorker(broker, { name: "render-01" });
    const held = await worker.work();
    const screen = await terminal([60, 30]);
    await screen.type(`tally watch ${number} --data ${broker.dataFolder}; echo it ended`);
    await screen.shows(/about to start|► /);
    const reason =
      "The picture textures/oak/wood.exr is broken, so the frame would be wrong. Put it back, then requeue.";
    await worker.fail(held, reason);
    const words = reason.replaceAll(" ", "(?: |\\n +)");
    const over = await screen.shows(/^it ended$/m);
    expect(over).toMatch(new RegExp(`^frame 4 failed on render-01: ${words}\\n`, "m"));
    expect(over).toMatch(new RegExp(`^ {2}frame 4: ${words}\\n {2}What the`, "m"));
    await screen.type(`clear; tally show ${number} --data ${broker.dataFolder}; echo it ended`);
    expect(await screen.shows(/^it ended$/m)).toMatch(new RegExp(`^Failed\\n {2}frame 4: ${words}\\n`, "m"));
  });

  test("Ctrl-C leaves the lights and gives the cursor back; Ctrl-Z lends it, and fg draws anew", async () => {
    const number = await submit("keys", "1-6");
    const screen = await terminal();
    await screen.type(`tally watch ${number}; echo it ended with $?`);
    await screen.shows(/► · · · · ·\n/);
    await screen.key("C-z");
    await screen.shows(/Stopped|suspended/i);
    expect(await screen.isCursorShown()).toBe(true);
    await screen.type("clear; fg");
    await screen.shows(/► · · · · ·\n/);
    await go("keys", 1);
    await screen.shows(/■ ► · · · ·\n/);
    expect(await screen.isCursorShown()).toBe(false);
    await screen.key("C-c");
    const text = await screen.shows(/Stopped watching; job \d+ goes on\. Come back to it: tally watch \d+/);
    expect(count(text, /^■ ► · · · ·$/gm)).toBe(1);
    expect(text).not.toContain("^C");
    expect(await screen.isCursorShown()).toBe(true);
  });

  test("the cursor comes back when the command is ended from elsewhere", async () => {
    const number = await submit("ended", "1-2");
    const screen = await terminal();
    await screen.type(`tally watch ${number} & wait; echo it ended`);
    await screen.shows(/► ·\n/);
    expect(await screen.isCursorShown()).toBe(false);
    await screen.key("C-c");
    await screen.type("kill %1");
    await screen.type("clear; echo $((6 * 7)) there");
    await screen.shows(/42 there/);
    expect(await screen.isCursorShown()).toBe(true);
  });

  test("a broker that is killed: said above, shown in the title, waited for, and the lights go on", async () => {
    const number = await submit("killed", "1-6");
    const screen = await terminal();
    await screen.type(`tally watch ${number}`);
    await screen.shows(/► · · · · ·\n/);
    await go("killed", 1);
    await screen.shows(/■ ► · · · ·\n/);
    process.kill(await desk.brokerPid(), "SIGKILL");
    await screen.shows(/The broker at http:\S+\s+does not answer; waiting[^]*no answer from the broker\n/);
    const broker = desk.start("serve");
    await screen.shows(/The broker is back\.[^]*running for /);
    await go("killed", 2);
    await screen.shows(/■ ■ ► · · ·\n/);
    await desk.tally("cancel", String(number));
    const over = await screen.shows(/Job \d+ was canceled after 2 of 6 frames/);
    expect(over).toMatch(/canceled after .*\n■ ■ – – – –\n/);
    await open?.close();
    open = undefined;
    broker.signal("SIGTERM");
    await broker.ended;
    // Starts one in the background for those who come next.
    await desk.tally("submit", "killed.yaml", "--paused");
  });

  test("100,000 frames are a grid in which a failed frame stays in sight", async () => {
    const number = await submit("many", "1-100000", "--max-failed", "10");
    const screen = await terminal();
    await go("many", 1, 2, 3, 4);
    await screen.type(`tally watch ${number}`);
    const text = await screen.shows(/ X 1 failed .* 99,995 waiting {2}\d+ a light +0%/);
    // The first light stands for frames that are done, failed, and running; the others wait.
    expect(text).toMatch(/^ +1 &········· ·/m);
    expect(text).toMatch(/^ \d\d001 ·{10} /m);
    await screen.key("C-c");
    await screen.shows(/Stopped watching/);
  });

  test("narrow, low and resized terminals: one block, whole, at any size", async () => {
    const number = await submit("sizes", "1-50");
    const screen = await terminal([100, 30]);
    // Something of before, so that the block does not stand at the top, where it could not be drawn too high.
    await screen.type(`clear; for n in 1 2 3 4 5 6 7 8 9; do echo before $n; done; tally watch ${number}`);
    await screen.shows(/► · · ·/);
    for (const [columns, rows] of [
      [60, 30],
      [100, 30],
      [45, 20],
      [40, 10],
      [120, 40],
    ] as const) {
      // oxlint-disable no-await-in-loop -- one size after the other
      const before = (await screen.lines()).join("\n");
      await screen.resize(columns, rows);
      const text = await screen.shows(sized(columns));
      expect(text).not.toBe(before);
      expect(count(text, /^Job \d+ {2}sizes/gm), `${columns}x${rows}`).toBe(1);
      if (columns > 60 && rows === 30) {
        const all = (await screen.lines({ history: true })).join("\n");
        expect(count(all, /^before \d$/gm)).toBe(9);
        expect(count(all, /^Job \d+ {2}sizes/gm)).toBe(1);
      }
      // oxlint-enable no-await-in-loop
    }
    await screen.key("C-c");
    await screen.shows(/Stopped watching/);
  });

  test("colours where they are wanted, never with NO_COLOR; ASCII where the terminal knows no Unicode", async () => {
    const number = await submit("looks", "1-6");
    await go("looks", 1);
    const coloured = await terminal();
    await coloured.type(`tally watch ${number}`);
    await coloured.shows(/■ ► · · · ·\n/);
    expect((await coloured.lines({ escapes: true })).join("\n")).toContain("\u001b[32m■");
    await coloured.key("C-c");
    await coloured.close();
    const plain = await terminal([80, 24], { NO_COLOR: "1", LANG: "C" });
    await plain.type(`clear; tally watch ${number}`);
    await plain.shows(/# > \. \. \. \.\n# 1 done {2}> 1 running {2}\. 4 waiting +16%/);
    const lines = (await plain.lines({ escapes: true })).slice(1);
    expect(lines.join("\n")).toMatch(/^[ -~\n]*$/);
    await plain.key("C-c");
    await plain.shows(/Stopped watching/);
  });

  test("--lines, a terminal that is called dumb, and a pipe have a line for each frame", async () => {
    const number = await submit("plain", "1-4");
    const screen = await terminal();
    await screen.type(`clear; tally watch ${number} --lines`);
    await screen.shows(/Job \d+: plain, 0 of 4 frames done/);
    await go("plain", 1);
    await screen.shows(ofThisWorker(/^frame 1\/4 +\d.* s +\[NAME\]$/m));
    expect(await screen.isCursorShown()).toBe(true);
    await screen.key("C-c");
    await screen.shows(/Stopped watching/);
    await screen.type(`clear; TERM=dumb tally watch ${number}`);
    await screen.shows(/1 of 4 frames done/);
    await go("plain", 2);
    await screen.shows(ofThisWorker(/^frame 2\/4 +\d.* s +\[NAME\]$/m));
    await screen.key("C-c");
    await screen.shows(/Stopped watching/);
    await screen.type(`clear; tally watch ${number} | cat`);
    await screen.shows(/2 of 4 frames done/);
    await screen.key("C-c");
  });

  test("submit --wait shows the same, with the file that came home last", async () => {
    const screen = await terminal();
    await screen.type(
      "clear; tally submit --template generic-sample --frames 1-3 -o out/####.svg --wait; echo it ended with $?",
    );
    const text = await screen.shows(/it ended with 0/);
    expect(text).toMatch(/Job \d+ {2}Generic sample +done in .*\n■ ■ ■\n■ 3 done +100%\n/);
  });
});
