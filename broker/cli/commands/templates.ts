// tally templates: the job templates that come with the broker.
import type { Answer } from "../../contract/client.ts";
import { brokerHelp, brokerOptions, readArguments } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes } from "../failure.ts";
import { tally } from "../own-name.ts";
import { paint, plain, table } from "../style.ts";
import { write } from "../write.ts";

/** The help text of `tally templates`. */
export const templatesHelp = `tally templates  [NAME]

Lists the job templates that come with the broker. With a name: prints that template, to copy and change:
  tally templates blender-render > my-render.yaml

${brokerHelp}`;

/** Runs `tally templates`. */
export async function templates(args: string[]): Promise<number> {
  const { values, positionals } = readArguments("templates", args, brokerOptions, {
    most: 1,
    what: "one name",
  });
  const [name] = positionals;
  const client = await connect(values);
  if (name !== undefined) {
    const template = await client.call<Answer<"getTemplate">>(
      "get",
      `/v1/templates/${encodeURIComponent(name)}`,
    );
    await write(values.json ? `${JSON.stringify(template)}\n` : template.text);
    return exitCodes.ok;
  }
  const { items } = await client.call<Answer<"listTemplates">>("get", "/v1/templates");
  if (values.json) {
    await write(`${JSON.stringify({ templates: items })}\n`);
    return exitCodes.ok;
  }
  await write(table(plain(items).map((one) => [paint("bold", one.name), one.description])));
  await write(`\nSubmit one: ${tally("submit --template NAME -p PARAMETER=VALUE")}\n`);
  return exitCodes.ok;
}
