// tally workers: who renders, pausing one, and letting one finish and leave.
import type { Answer } from "../../contract/client.ts";
import { isHere, type WorkerIntent } from "../../contract/states.ts";
import type { Worker } from "../../contract/worker.ts";
import { brokerHelp, brokerOptions, readArguments, usage } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes, Failure } from "../failure.ts";
import { moment } from "../humane.ts";
import { nearest } from "../nearest.ts";
import { tally } from "../own-name.ts";
import { paint, paintState, plain, quoted, table } from "../style.ts";
import { write } from "../write.ts";

/** The help text of `tally workers`. */
export const workersHelp = `tally workers  [--all]
tally workers pause NAME   or  --pool POOL
tally workers resume NAME  or  --pool POOL
tally workers drain NAME   or  --pool POOL

Lists the workers and what each of them does. \`pause\` lets one finish its frame and take no more: it stays, and no other is
started in its place, until \`resume\`, also when it or the broker starts anew meanwhile. \`drain\` lets one finish its frame and
leave; \`resume\` takes that back too.

  --pool POOL            every worker of a pool
  --all                  workers that have left too
${brokerHelp}`;

const verbs = ["pause", "resume", "drain"] as const;
type Verb = (typeof verbs)[number];
const intents = { pause: "pause", resume: "run", drain: "drain" } as const satisfies Record<
  Verb,
  WorkerIntent
>;

/** Runs `tally workers`. */
export async function workers(args: string[]): Promise<number> {
  const { values, positionals } = readArguments(
    "workers",
    args,
    { ...brokerOptions, all: { type: "boolean" }, pool: { type: "string" } },
    { most: 2, what: "pause, resume or drain, and a worker's name" },
  );
  const [word, name] = positionals;
  const verb = verbs.find((one) => one === word);
  if (word !== undefined && word !== "list" && verb === undefined)
    throw usage("workers", `tally workers knows ${verbs.join(", ")}, not "${word}".`);
  if (verb !== undefined && (name === undefined) === (values.pool === undefined))
    throw usage("workers", `Which worker? Give its name: tally workers ${verb} NAME, or --pool POOL.`);
  const client = await connect(values);
  const { items } = await client.call<Answer<"listWorkers">>("get", "/v1/workers", {
    query: { all: verb === undefined && (values.all ?? false) },
  });
  const inPool = items.filter(({ pool }) => values.pool === undefined || pool === values.pool);
  if (verb !== undefined) {
    const meant = name === undefined ? ofPool(inPool, values.pool ?? "", verb) : [findWorker(items, name)];
    const changed: Worker[] = [];
    for (const { id } of meant)
      changed.push(
        // oxlint-disable-next-line no-await-in-loop -- in their order, and what was done before a refusal is done
        await client.call<Answer<"setWorkerIntent">>("put", `/v1/workers/${encodeURIComponent(id)}/intent`, {
          body: { intent: intents[verb] },
        }),
      );
    const said = plain(changed)
      .map((worker) => `${sentence(worker, verb)}\n`)
      .join("");
    const json = name === undefined ? { workers: changed } : changed[0];
    await write(values.json ? `${JSON.stringify(json)}\n` : said);
    return exitCodes.ok;
  }
  if (values.json) await write(`${JSON.stringify({ workers: inPool })}\n`);
  else if (inPool.length === 0)
    await write("No worker is here now. One starts by itself as soon as a job waits.\n");
  else
    await write(
      table([
        ["worker", "state", "does", "Blender", "seen"].map((title) => paint("dim", title)),
        ...plain(inPool).map(row),
      ]),
    );
  return exitCodes.ok;
}

function sentence(worker: Worker, verb: Verb): string {
  const { name, state } = worker;
  if (verb === "drain") return `${name} finishes its frame and leaves.`;
  if (verb === "resume") return `${name} takes frames again${isHere(worker) ? "" : " once it is back"}.`;
  const now = state === "pausing" ? "finishes its frame, then takes no more" : "takes no more frames";
  return `${name} ${now}. Let it go on: ${tally(`workers resume ${quoted(name)}`)}`;
}

/** Those of a pool to which it applies. */
function ofPool(inPool: readonly Worker[], pool: string, verb: Verb): Worker[] {
  const found = inPool.filter((one) => one.intent !== intents[verb] && (verb === "resume" || isHere(one)));
  if (found.length > 0) return found;
  const why =
    inPool.length === 0
      ? `No worker of the pool "${pool}" is here now.`
      : `No worker of the pool "${pool}" is left to ${verb}.`;
  throw new Failure(`${why} List them: ${tally("workers")}`);
}

function findWorker(items: readonly Worker[], name: string): Worker {
  // Also as it is shown and told to be typed.
  const found = items.find((one) => one.name === name || one.id === name || plain(one.name) === name);
  if (found !== undefined) return found;
  const meant = nearest(
    name,
    items.map((one) => one.name),
  );
  const hint = meant === undefined ? `List them: ${tally("workers")}` : `Did you mean ${meant}?`;
  throw new Failure(`There is no worker "${name}" here. ${hint}`);
}

function row(worker: Worker): string[] {
  const percent = worker.progress === null ? "" : ` ${Math.round(worker.progress)} %`;
  const does = worker.jobNumber === null ? "" : `job ${worker.jobNumber} ${worker.step ?? ""}${percent}`;
  const series = [...new Set(worker.blenders.map((one) => one.series))].join(", ");
  const isAway = worker.intent === "pause" && !isHere(worker);
  const state = isAway ? paint("yellow", "paused, away") : paintState(worker.state);
  return [worker.name, state, does, series, moment(worker.lastSeenAt)];
}
