// The command line with a real broker: jobs without Blender, from submit to requeue, on good days and bad ones.
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createDesk, type Desk } from "./cli-support.ts";
import { ofThisWorker, thisWorker } from "../support/this-worker.ts";

let desk: Desk;

const template = (name: string, command: string, frames: string) => `specificationVersion: jobtemplate-2023-09
name: ${name}
steps:
  - name: Draw
    parameterSpace:
      taskParameterDefinitions:
        - { name: Frame, type: INT, range: "${frames}" }
    script:
      actions:
        onRun: { command: sh, args: ["-c", ${JSON.stringify(command)}] }
`;

beforeAll(async () => {
  desk = await createDesk();
  const write = (name: string, text: string) => writeFile(join(desk.folder, name), text);
  await write(
    "third-fails.yaml",
    template("Third fails", "echo at {{Task.Param.Frame}}; test {{Task.Param.Frame}} != 3", "1-4"),
  );
  // Waits for a file with the frame's number, so that the test decides when a frame ends.
  const wait = `while [ ! -e "${desk.folder}/go-{{Task.Param.Frame}}" ]; do sleep 0.05; done`;
  await write("waits.yaml", template("Waits", wait, "1-3"));
  await write("quick.yaml", template("Quick", "true", "1-3"));
});

afterAll(async () => {
  await desk.close();
});

describe("without a broker", () => {
  test("commands that need one say how to start it, and end with 3", async () => {
    for (const command of ["ls", "page"]) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      const { code, err } = await desk.tally(command);
      expect(err).toBe("No broker has been started on this machine yet. Start one: tally serve\n");
      expect(code).toBe(3);
    }
  });

  test("a mistake starts none", async () => {
    const { code, err } = await desk.tally("submit", "third-fials.yaml");
    expect(err).toBe("There is no file third-fials.yaml. Did you mean third-fails.yaml?\n");
    expect(code).toBe(1);
    expect((await desk.tally("submit", "quick.yaml", "--dry-run")).out).toBe(
      "3 tasks\nNothing was submitted.\n",
    );
    expect((await desk.tally("stop")).code).toBe(3);
  });

  test("submit starts one in the background and says so", async () => {
    const { code, out } = await desk.tally("submit", "quick.yaml", "--wait");
    expect(out).toMatch(
      /^The broker was not running; it runs now in the background at http:\/\/127\.0\.0\.1:\d+\./,
    );
    expect(out).toContain("stop it: tally stop");
    expect(out).toMatch(/Job 1: Quick, 3 frames\n/);
    expect(out).toMatch(ofThisWorker(/frame 3\/3 +\d\.\d s +\[NAME\]\n/));
    expect(out).toMatch(/Job 1 is done: 3 frames in \d+\.\d s\.\n$/);
    expect(code).toBe(0);
    expect((await desk.tally("submit", "quick.yaml")).out).toBe(
      "Job 2: Quick, 3 frames\n  watch  tally watch 2\n",
    );
  });
});

test("a second broker on the data folder ends with a sentence and a non-zero exit", async () => {
  const { code, err } = await desk.tally("serve");
  expect(err).toContain(`Another Tally broker already uses the data folder ${desk.dataFolder}.`);
  expect(code).toBe(1);
  // Whoever typed it wants to look: the page of the one that runs opens with a new address.
  const [address = ""] = /http:\S+\/login\?code=\S+/.exec(err) ?? [];
  expect((await fetch(address)).headers.get("set-cookie")).toMatch(/^tally=/);
  const { error } = JSON.parse((await desk.tally("serve", "--json")).err) as { error: { detail: string } };
  expect(error.detail).not.toContain("login");
});

test("a taken port ends with a sentence and a non-zero exit", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const { code, err } = await desk.tally(
    "serve",
    "--data",
    join(desk.folder, "other"),
    "--port",
    String(port),
  );
  expect(err).toBe(
    `Port ${port} on 127.0.0.1 is taken by another program. Choose another one: tally serve --port ${port + 1}\n`,
  );
  expect(code).toBe(1);
  server.close();
});

test("a failed frame is told with its reason and the command to type next, and requeue renders it again", async () => {
  const { code, out } = await desk.tally("submit", "third-fails.yaml", "--retries", "1", "--wait");
  expect(code).toBe(1);
  const number = /Job (\d+): Third fails/.exec(out)?.[1] ?? "";
  expect(out).toMatch(
    ofThisWorker(/frame 3 did not succeed on NAME and is tried again: .*Its last words: at 3/),
  );
  expect(out).toContain(`frame 3 failed on ${thisWorker}: `);
  expect(out).toContain(`Read on: tally logs ${number} --frame 3\n`);
  expect(out).toMatch(/Job \d+ failed: 1 of 4 frames\.\n {2}frame 3: .*at 3/);
  expect(out).toContain(`Render them again:      tally requeue ${number} --failed\n`);

  const logs = await desk.tally("logs");
  expect(logs.out).toContain("at 3\n");
  expect(logs.err).toMatch(/^Job \d+, frame 3, try 2 of 2, on /);
  expect((await desk.tally("logs", number, "--frame", "3", "--try", "3")).err).toBe(
    "Frame 3 has had 2 tries, so there is no try 3.\n",
  );
  const json = JSON.parse((await desk.tally("logs", number, "--frame", "2", "--json")).out) as {
    text: string;
  };
  expect(json.text).toContain("at 2\n");

  const shown = await desk.tally("show");
  expect(shown.out).toMatch(/frames +4 frames: 3 done, 1 failed/);
  expect(shown.out).toMatch(/Failed\n {2}frame 3: .*at 3/);

  const again = await desk.tally("requeue", number, "--failed");
  expect(again.out).toBe(`Job ${number} renders 1 frame again. Watch it: tally watch ${number}\n`);
  expect((await desk.tally("watch", number)).code).toBe(1);
  expect((await desk.tally("requeue", number, "--frames", "99")).code).toBe(1);
});

test("pause, resume, priority and cancel say what they did, and cancel of a finished job is refused", async () => {
  const submitted = await desk.tally(
    "submit",
    "quick.yaml",
    "--paused",
    "--json",
    "--name",
    "Later",
    "--label",
    "show=orbit",
  );
  const { job } = JSON.parse(submitted.out) as { job: { number: number; state: string; labels: object } };
  expect(job).toMatchObject({ state: "paused", labels: { show: "orbit" } });
  expect((await desk.tally("ls", "--state", "paused")).out).toMatch(
    new RegExp(`${job.number} +paused +0/3 +Later`),
  );
  expect((await desk.tally("priority", "latest", "80")).out).toBe(`Job ${job.number} has priority 80 now.\n`);
  expect((await desk.tally("resume")).out).toBe(
    `Job ${job.number} goes on. Watch it: tally watch ${job.number}\n`,
  );
  expect((await desk.tally("watch", String(job.number))).code).toBe(0);
  const refused = await desk.tally("cancel", String(job.number));
  expect(refused.err).toContain(`Job ${job.number} has already succeeded`);
  expect(refused.code).toBe(1);
});

test("Ctrl-C in watch stops only the watching; a restart of the broker is waited for; cancel ends it with 1", async () => {
  const { out } = await desk.tally("submit", "waits.yaml", "--json");
  const { number } = (JSON.parse(out) as { job: { number: number } }).job;
  const first = desk.start("watch", String(number));
  await first.printed(/Waits, 0 of 3 frames done/);
  await writeFile(join(desk.folder, "go-1"), "");
  await first.printed(/frame 1\/3/);
  first.signal("SIGINT");
  expect(await first.ended).toMatchObject({
    code: 130,
    out: expect.stringContaining(
      `Stopped watching; job ${number} goes on. Come back to it: tally watch ${number}`,
    ) as string,
  });

  const second = desk.start("watch");
  await second.printed(/Waits, 1 of 3 frames done/);
  process.kill(await desk.brokerPid(), "SIGKILL");
  await second.printed(/The broker at http:\S+ does not answer; waiting for it/);
  const broker = desk.start("serve");
  await second.printed(/The broker is back/);
  await writeFile(join(desk.folder, "go-2"), "");
  await second.printed(/frame 2\/3/);
  expect((await desk.tally("cancel")).out).toMatch(
    new RegExp(`^Job ${number} (is stopping|is canceled)\\. 2 finished frames stay\\.`),
  );
  const ended = await second.ended;
  expect(ended.out).toContain(
    `Job ${number} was canceled after 2 of 3 frames.\n  Render the rest after all: tally requeue ${number}\n`,
  );
  expect(ended.code).toBe(1);

  broker.signal("SIGTERM");
  expect((await broker.ended).out).toContain("The broker has stopped");
  expect((await desk.tally("ls")).code).toBe(3);
});

test("files of a template's Output come home, next to nothing else", async () => {
  await mkdir(join(desk.folder, "svg"));
  const { code, out } = await desk.tally(
    "submit",
    "--template",
    "generic-sample",
    "--frames",
    "8-9",
    "-o",
    "svg/####.svg",
    "--wait",
  );
  expect(out).toContain(`2 frames: 8-9\n`);
  expect(out).toContain(
    `  first  ${join(desk.folder, "svg", "0008.svg")}\n  last   ${join(desk.folder, "svg", "0009.svg")}\n`,
  );
  expect(out).toMatch(ofThisWorker(/frame 9 +\d\.\d s +…\/svg\/0009\.svg +\[NAME/));
  expect(code).toBe(0);
  expect(await readFile(join(desk.folder, "svg", "0009.svg"), "utf8")).toContain("frame 9");
});

test("tally page prints an address that opens the page once, with the rights of its token, and opens it", async () => {
  const { out, code } = await desk.tally("page");
  const address = /^ {2}(http:\/\/127\.0\.0\.1:\d+\/login\?code=\S+)$/m.exec(out)?.[1] ?? "";
  expect(out).toMatch(/^Open the status page \(this address works once, for ten minutes\):\n/);
  expect(code).toBe(0);
  const first = await fetch(address);
  expect([first.status, first.headers.get("set-cookie")]).toEqual([
    200,
    expect.stringMatching(/^tally=.*HttpOnly/),
  ]);
  expect((await fetch(address)).status).toBe(401);

  const made = JSON.parse(
    (await desk.tally("token", "create", "wall", "--role", "viewer", "--json")).out,
  ) as {
    token: string;
  };
  const look = JSON.parse((await desk.tally("page", "--token", made.token, "--json")).out) as { url: string };
  const cookie = (await fetch(look.url)).headers.get("set-cookie")?.split(";")[0] ?? "";
  const stop = await fetch(new URL("/v1/system/stop", look.url), { method: "POST", headers: { cookie } });
  expect(stop.status).toBe(403);
});

test.skipIf(process.platform !== "linux")(
  "tally page --open hands the address to the system (Linux only)",
  async () => {
    const bin = join(desk.folder, "bin");
    await mkdir(bin);
    await writeFile(join(bin, "xdg-open"), `#!/bin/sh\nprintf '%s\\n' "$@" > "${desk.folder}/opened"\n`, {
      mode: 0o755,
    });
    const other = await createDesk({
      env: { PATH: `${bin}:${process.env["PATH"] ?? ""}`, TALLY_DATA: desk.dataFolder },
    });
    const { out, code } = await other.tally("page", "--open");
    expect(code).toBe(0);
    const opened = await readFile(join(desk.folder, "opened"), "utf8");
    expect(opened).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/login\?code=\S+\n$/);
    expect(out).toContain(opened.trim());
    await writeFile(join(bin, "xdg-open"), "#!/bin/sh\nexit 3\n", { mode: 0o755 });
    expect(await other.tally("page", "--open")).toMatchObject({
      code: 1,
      err: "No browser could be opened here: open the address yourself.\n",
    });
    // The broker is this file's.
    await rm(other.folder, { recursive: true });
  },
);

test("every listing has a JSON form", async () => {
  const answers = await Promise.all(
    [["ls"], ["show"], ["workers"], ["templates"], ["token", "list"], ["doctor"], ["blender", "list"]].map(
      async (args) => {
        const { out } = await desk.tally(...args, "--json");
        return [args[0], typeof JSON.parse(out)] as const;
      },
    ),
  );
  expect(answers.every(([, type]) => type === "object")).toBe(true);
});
