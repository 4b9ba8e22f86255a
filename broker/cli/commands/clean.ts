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
ended. Files at home are never touched. Shows what would go and removes nothing, until you add --yes.

  --older-than DAYS      results home for so long, inputs of jobs that ended so long ago: 30, 30d. Default: as in
                         tally.yaml (retention). The broker does that by itself too
  --undelivered DAYS     results that never came home too, of jobs that ended so long ago. They are then lost
  --job JOB              all bytes of this job alone, now; it cannot be rendered again without a new submit
  --yes                  do it
${brokerHelp}
What was used within the last day leaves the disk a day later, because a submit may count on it; with --job all goes now.
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
  else await write(cleanedText(cleaned, again(args, job?.number), job === undefined));
  return exitCodes.ok;
}

/** What went, or would go. `command`: what to type to do it. `waitsADay`: what was used today leaves the disk tomorrow. */
export function cleanedText(cleaned: Cleaned, command: string, waitsADay: boolean): string {
  const later = waitsADay ? "What was used within the last day leaves the disk a day later.\n" : "";
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
  if (lines.length === 0) return `There is nothing to clean.\n${later}`;
  if (cleaned.dryRun)
    return `This would free ${size(bytes)} (${counted(files, "file")}):\n${lines.join("\n")}\n${later}Nothing was removed. Do it: ${command}\n`;
  return `Freed ${size(bytes)} (${counted(files, "file")}):\n${lines.join("\n")}\n${later}`;
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
