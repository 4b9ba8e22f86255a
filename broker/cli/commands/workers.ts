// tally workers: who renders, pausing one or a whole pool, and letting one finish and leave.
import type { Answer, Client } from "../../contract/client.ts";
import { isHere, type PoolIntent, type WorkerIntent } from "../../contract/states.ts";
import type { Worker } from "../../contract/worker.ts";
import { brokerHelp, brokerOptions, readArguments, usage } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes, Failure } from "../failure.ts";
import { counted, moment } from "../humane.ts";
import { nearest } from "../../contract/nearest.ts";
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

With --pool the whole pool is paused, whoever is in it: its workers finish their frames, none is started, and whoever comes
begins paused. \`resume --pool\` takes back the pool's pause, and drains; a worker paused by its own name stays paused.

  --pool POOL            a whole pool; in the list: only its workers
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
  if (values.pool === "") throw usage("workers", "--pool needs a value.");
  if (verb === undefined && name !== undefined)
    throw usage("workers", "tally workers lists all of them, not one by its name.");
  if (verb !== undefined && (name === undefined) === (values.pool === undefined))
    throw usage("workers", `Which worker? Give its name: ${tally(`workers ${verb} NAME`)}, or --pool POOL.`);
  const client = await connect(values);
  if (values.pool !== undefined && (verb === "pause" || verb === "resume")) {
    const told = await setPool(client, values.pool, intents[verb]);
    await write(values.json ? `${JSON.stringify(told)}\n` : `${poolSentence(told)}\n`);
    return exitCodes.ok;
  }
  const { items, pausedPools } = await client.call<Answer<"listWorkers">>("get", "/v1/workers", {
    query: { all: verb === undefined && (values.all ?? false) },
  });
  const inPool = items.filter(({ pool }) => values.pool === undefined || pool === values.pool);
  if (verb !== undefined) {
    const meant = name === undefined ? toDrain(inPool, values.pool ?? "") : [findWorker(items, name)];
    const changed: Worker[] = [];
    for (const { id } of meant)
      // oxlint-disable-next-line no-await-in-loop -- in their order, and what was done before a refusal is done
      changed.push(await setWorker(client, id, intents[verb]));
    const said = plain(changed)
      .map((worker) => `${sentence(worker, verb, pausedPools.includes(worker.pool))}\n`)
      .join("");
    const json = name === undefined ? { workers: changed } : changed[0];
    await write(values.json ? `${JSON.stringify(json)}\n` : said);
    return exitCodes.ok;
  }
  const paused = pausedPools.filter((one) => values.pool === undefined || one === values.pool);
  if (values.json) {
    await write(`${JSON.stringify({ workers: inPool, pausedPools: paused })}\n`);
    return exitCodes.ok;
  }
  const titles = ["worker", "state", "does", "Blender", "seen"].map((title) => paint("dim", title));
  const none = `No worker is here now.${paused.length > 0 ? "" : " One starts by itself as soon as a job waits."}\n`;
  await write(inPool.length === 0 ? none : table([titles, ...plain(inPool).map(row)]));
  await write(paused.map((pool) => `${poolPaused(pool)}. ${goOn(pool)}\n`).join(""));
  return exitCodes.ok;
}

function setWorker(client: Client, id: string, intent: WorkerIntent): Promise<Worker> {
  const path = `/v1/workers/${encodeURIComponent(id)}/intent`;
  return client.call<Answer<"setWorkerIntent">>("put", path, { body: { intent } });
}

/** Pauses a pool or lets it go on: then those stay too that were told to leave. */
async function setPool(client: Client, pool: string, intent: PoolIntent): Promise<Answer<"setPoolIntent">> {
  const path = `/v1/pools/${encodeURIComponent(pool)}/intent`;
  const told = await client.call<Answer<"setPoolIntent">>("put", path, { body: { intent } });
  if (intent === "pause") return told;
  const stay = async (one: Worker) => (one.intent === "drain" ? setWorker(client, one.id, "run") : one);
  return { ...told, workers: await Promise.all(told.workers.map(stay)) };
}

const poolPaused = (pool: string) => `The pool ${plain(pool)} is paused`;
const goOn = (pool: string) => `Let it go on: ${tally(`workers resume --pool ${quoted(plain(pool))}`)}`;

/** What became of a pool, and of those in it that do not follow at once. */
function poolSentence({ pool, intent, workers: all }: Answer<"setPoolIntent">): string {
  if (intent === "pause") {
    const busy = all.filter(({ jobNumber }) => jobNumber !== null).length;
    const frames = busy === 1 ? "the frame in work is" : `the ${busy} frames in work are`;
    const first = busy === 0 ? "" : ` once ${frames} done`;
    return `${poolPaused(pool)}: nothing renders in it${first}. ${goOn(pool)}`;
  }
  const says = `The pool ${plain(pool)} takes frames again.`;
  const alone = all.filter((one) => one.intent === "pause");
  const [one] = alone;
  if (one === undefined) return says;
  return alone.length === 1
    ? `${says} ${plain(one.name)} was paused separately and stays paused: ${tally(`workers resume ${quoted(plain(one.name))}`)}`
    : `${says} ${counted(alone.length, "worker")} were paused separately and stay paused: ${tally(`workers --pool ${quoted(plain(pool))}`)}`;
}

function sentence(worker: Worker, verb: Verb, isPoolPaused: boolean): string {
  const { name, pool, state } = worker;
  if (verb === "drain") return `${name} finishes its frame and leaves.`;
  if (verb === "resume" && isPoolPaused)
    return `${name} takes no frames yet: its whole pool is paused. ${goOn(pool)}`;
  if (verb === "resume") return `${name} takes frames again${isHere(worker) ? "" : " once it is back"}.`;
  const now = state === "pausing" ? "finishes its frame, then takes no more" : "takes no more frames";
  return `${name} ${now}. Let it go on: ${tally(`workers resume ${quoted(name)}`)}`;
}

/** Those of a pool that do not leave yet. */
function toDrain(inPool: readonly Worker[], pool: string): Worker[] {
  const found = inPool.filter((one) => one.intent !== "drain" && isHere(one));
  if (found.length > 0) return found;
  const why = inPool.some(isHere)
    ? `Every worker of the pool "${pool}" finishes and leaves already.`
    : `No worker of the pool "${pool}" is here now.`;
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
