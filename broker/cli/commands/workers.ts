// tally workers: who renders, and letting one finish and leave.
import type { Answer } from "../../contract/client.ts";
import type { Worker } from "../../contract/worker.ts";
import { brokerHelp, brokerOptions, readArguments, usage } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes, Failure } from "../failure.ts";
import { moment } from "../humane.ts";
import { nearest } from "../nearest.ts";
import { tally } from "../own-name.ts";
import { paint, paintState, table } from "../style.ts";
import { write } from "../write.ts";

/** The help text of `tally workers`. */
export const workersHelp = `tally workers  [--all]
tally workers drain NAME
tally workers resume NAME

Lists the workers and what each of them does. \`drain\` lets one finish its frame and leave; \`resume\` takes that back.

  --all                  workers that have left too
${brokerHelp}`;

/** Runs `tally workers`. */
export async function workers(args: string[]): Promise<number> {
  const { values, positionals } = readArguments(
    "workers",
    args,
    { ...brokerOptions, all: { type: "boolean" } },
    { most: 2, what: "drain or resume, and a worker's name" },
  );
  const [verb, name] = positionals;
  if (verb !== undefined && verb !== "list" && verb !== "drain" && verb !== "resume")
    throw usage("workers", `tally workers knows drain and resume, not "${verb}".`);
  const client = await connect(values);
  const { items } = await client.call<Answer<"listWorkers">>("get", "/v1/workers", {
    query: { all: values.all ?? false },
  });
  if (verb === "drain" || verb === "resume") {
    if (name === undefined)
      throw usage("workers", `Which worker? Give its name: tally workers ${verb} NAME.`);
    const intent = verb === "drain" ? ("drain" as const) : ("run" as const);
    const changed = await client.call<Answer<"setWorkerIntent">>(
      "put",
      `/v1/workers/${encodeURIComponent(findWorker(items, name).id)}/intent`,
      { body: { intent } },
    );
    const said = verb === "drain" ? "finishes its frame and leaves" : "takes frames again";
    await write(values.json ? `${JSON.stringify(changed)}\n` : `${changed.name} ${said}.\n`);
    return exitCodes.ok;
  }
  if (values.json) await write(`${JSON.stringify({ workers: items })}\n`);
  else if (items.length === 0)
    await write("No worker is here now. One starts by itself as soon as a job waits.\n");
  else
    await write(
      table([
        ["worker", "state", "does", "Blender", "seen"].map((word) => paint("dim", word)),
        ...items.map(row),
      ]),
    );
  return exitCodes.ok;
}

function findWorker(items: readonly Worker[], name: string): Worker {
  const found = items.find((one) => one.name === name || one.id === name);
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
  return [worker.name, paintState(worker.state), does, series, moment(worker.lastSeenAt)];
}
