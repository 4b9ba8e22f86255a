// tally clean: frees the broker's disk of bytes that are not needed any more; shows them first.
import type { Answer } from "../../contract/client.ts";
import type { Cleaned } from "../../contract/system.ts";
import { brokerHelp, brokerOptions, readArguments, readJob, usage } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes } from "../failure.ts";
import { counted, size } from "../humane.ts";
import { getJob } from "../job-reads.ts";
import { tally } from "../own-name.ts";
import { write } from "../write.ts";

/** The help text of `tally clean`. */
export const cleanHelp = `tally clean  [--older-than DAYS] [--undelivered DAYS] [--job JOB] [--yes]

Removes bytes that the broker keeps and nobody needs: its copies of results that are home, and input files of jobs that
ended. Files at home are never touched. Shows what would leave the disk and removes nothing, until you add --yes.

  --older-than DAYS      results home for so long, inputs of jobs that ended so long ago: 30, 30d. Default: as in
                         tally.yaml (retention). The broker does that by itself too
  --undelivered DAYS     results that never came home too, of jobs that ended so long ago. They are then lost
  --job JOB              all bytes of this job alone, now; it cannot be rendered again without a new submit
  --yes                  do it
${brokerHelp}
What was used within the last day leaves the disk a day later, because a submit may count on it; with --job all goes now,
also what an earlier cleaning let go of.
`;

/** Runs `tally clean`. */
export async function clean(args: string[]): Promise<number> {
  const { values } = readArguments("clean", args, {
    ...brokerOptions,
    "older-than": { type: "string" },
    undelivered: { type: "string" },
    job: { type: "string" },
    yes: { type: "boolean" },
  });
  const olderThan = readDays("--older-than", values["older-than"]);
  const undelivered = readDays("--undelivered", values.undelivered);
  if (values.job !== undefined && (olderThan ?? undelivered) !== undefined)
    throw usage("clean", "--job means all of that job, however old: give it alone.");
  const client = await connect(values);
  const job = values.job === undefined ? undefined : await getJob(client, readJob("clean", values.job));
  const cleaned = await client.call<Answer<"clean">>("post", "/v1/system/clean", {
    body: {
      dryRun: values.yes !== true,
      ...(olderThan !== undefined && { deliveredDays: olderThan, inputDays: olderThan }),
      ...(undelivered !== undefined && { undeliveredDays: undelivered }),
      ...(job !== undefined && { job: String(job.number) }),
    },
  });
  if (values.json) await write(`${JSON.stringify(cleaned)}\n`);
  else await write(cleanedText(cleaned, again(args, job?.number)));
  return exitCodes.ok;
}

/** What left the disk, or would. `command`: what to type to do it. */
export function cleanedText(cleaned: Cleaned, command: string): string {
  const rows: [string, { files: number; bytes: number }][] = [
    ["copies of results that are home", cleaned.results],
    ["results that never came home", cleaned.undelivered],
    ["small pictures of old results", cleaned.previews],
    ["input files that no job needs", cleaned.inputs],
    ["bytes that belong to no job", cleaned.orphans],
  ];
  const files = rows.reduce((sum, [, one]) => sum + one.files, 0);
  const bytes = rows.reduce((sum, [, one]) => sum + one.bytes, 0);
  const lines = rows
    .filter(([, one]) => one.files > 0)
    .map(([what, one]) => `  ${counted(one.files, "file")}, ${size(one.bytes)}: ${what}`);
  if (cleaned.uploads > 0)
    lines.push(
      `  ${counted(cleaned.uploads, "upload")} that ${cleaned.uploads === 1 ? "was" : "were"} left unfinished`,
    );
  const { later } = cleaned;
  if (lines.length === 0 && later.files === 0) return "There is nothing to clean.\n";
  const amount = `${size(bytes)} (${counted(files, "file")})`;
  const head = cleaned.dryRun ? `This would free ${amount}` : `Freed ${amount}`;
  const nothingNow = cleaned.dryRun ? "Nothing would leave the disk now." : "Nothing left the disk now.";
  const all = [lines.length === 0 ? nothingNow : `${head}:`, ...lines];
  if (later.files > 0) {
    const isOne = later.files === 1;
    const what = counted(later.files, lines.length === 0 ? "file" : "more file");
    const leave = cleaned.dryRun ? "would leave" : isOne ? "leaves" : "leave";
    const why = `${isOne ? "it was" : "they were"} used today, and a submit may count on that`;
    all.push(`${what}, ${size(later.bytes)}, ${leave} the disk a day later: ${why}.`);
  }
  if (cleaned.dryRun) all.push(`Nothing was removed. Do it: ${command}`);
  return `${all.join("\n")}\n`;
}

/** The same command with --yes; `latest` becomes the number that it meant. */
function again(args: readonly string[], job: number | undefined): string {
  const words = args.map((word) => (job !== undefined && word === "latest" ? String(job) : word));
  return tally(["clean", ...words, "--yes"].join(" "));
}

function readDays(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, number] = /^(\d{1,5}(?:\.\d+)?)\s*(?:d|days?)?$/.exec(text) ?? [];
  if (number !== undefined && Number(number) <= 36_500) return Number(number);
  throw usage("clean", `${option} must be a number of days such as 30 or 30d, not "${text}".`);
}
