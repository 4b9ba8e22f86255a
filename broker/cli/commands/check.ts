// tally check: says which template files are valid and names every mistake in the others.
import { parseArgs } from "node:util";
import { checkTemplateFile, listProblems } from "../template-files.ts";
import { tally } from "../own-name.ts";
import { plainLines } from "../style.ts";
import { usageMistake } from "../usage.ts";
import { write } from "../write.ts";

/** The help text of `tally check`. */
export const checkHelp = `tally check FILE…  [--json]

Checks job and environment templates (Open Job Description 2023-09). No broker is needed.

  --json   one JSON object a line, in the order given: {file, valid, problems: [{path, message}]}

Ends with exit code 0 when every file is valid, 1 when not.
`;

/** Runs `tally check`. @returns the exit code: 0 all valid, 1 some are not, 2 wrong use. */
export async function check(args: string[]): Promise<number> {
  let files: string[];
  let json: boolean;
  try {
    const { values, positionals } = parseArgs({
      args,
      allowPositionals: true,
      options: { json: { type: "boolean" }, help: { type: "boolean", short: "h" } },
    });
    if (values.help) {
      await write(checkHelp);
      return 0;
    }
    files = positionals;
    json = values.json ?? false;
  } catch (error) {
    console.error(usageMistake("check", error));
    return 2;
  }
  if (files.length === 0) {
    console.error(`Which file? Type: ${tally("check TEMPLATE.yaml")}`);
    return 2;
  }
  let allValid = true;
  for (const file of files) {
    const { template, problems } = await checkTemplateFile(file);
    const valid = template !== undefined;
    allValid &&= valid;
    if (json) await write(`${JSON.stringify({ file, valid, problems })}\n`);
    else await write(valid ? `${file}: valid\n` : `${plainLines(listProblems(file, problems))}\n`);
  }
  return allValid ? 0 : 1;
}
