// Writes docs/cli.md, the reference of every command, from the texts that --help prints.
import { commandGroups } from "./command-table.ts";

const beginning = `# The commands of \`tally\`

*This page is written from the help texts by \`npm run gen\`; \`tally COMMAND --help\` prints the same.*

A command that takes a job number means the latest job without one (but \`priority\` asks for it). Every command that answers takes \`--json\`: one JSON
document, or one object a line where things happen over time (\`watch\`, \`submit --wait\`). Mistakes then come as
\`{"error": …}\` on standard error. Colours appear on a terminal alone, and never when NO_COLOR is set.

| exit code | it means |
|---|---|
| 0 | done, as asked |
| 1 | the thing failed: a frame, a check, a request that the broker refused |
| 2 | it was typed wrongly |
| 3 | no broker answers |
| 130 | Ctrl-C |

The broker is found by \`--broker\` and \`--token\`, else by TALLY_URL and TALLY_TOKEN, else by the connection file that a
broker on this machine keeps in its data folder (\`--data\`, TALLY_DATA).
`;

/** The text of docs/cli.md. */
export async function generate(): Promise<Record<string, string>> {
  const parts = [beginning];
  for (const [title, group] of Object.entries(commandGroups)) {
    parts.push(`## ${title}\n`);
    for (const [name, { summary, load }] of Object.entries(group)) {
      // oxlint-disable-next-line no-await-in-loop -- in the order of the table
      const { help } = await load();
      parts.push(`### tally ${name}\n\n${summary}.\n\n\`\`\`text\n${help.trimEnd()}\n\`\`\`\n`);
    }
  }
  return { "docs/cli.md": parts.join("\n") };
}
