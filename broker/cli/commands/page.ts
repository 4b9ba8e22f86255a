// tally page: a new one-time address of the status page.
import { brokerHelp, brokerOptions, readArguments } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes, Failure } from "../failure.ts";
import { openInBrowser } from "../open-browser.ts";
import { newPageAddress, pageAddressText } from "../page-address.ts";
import { write } from "../write.ts";

/** The help text of `tally page`. */
export const pageHelp = `tally page  [--open]

Prints a new address of the status page. It opens once, within ten minutes. The browser may then do what the token of
this command may, for as long as that is good: with a viewer's token it only looks. Open browsers stay open.

  --open                 open it in this machine's browser too. Others who are logged in on this machine could see the
                         address in the list of processes before it is used: leave it out where you do not trust them
${brokerHelp}
For a screen on the wall: \`tally token create wallboard --role viewer\`, then \`tally page\` with that token in TALLY_TOKEN.
`;

/** Runs `tally page`. */
export async function page(args: string[]): Promise<number> {
  const { values } = readArguments("page", args, { ...brokerOptions, open: { type: "boolean" } });
  const client = await connect(values);
  const address = await newPageAddress(client);
  await write(values.json ? `${JSON.stringify(address)}\n` : pageAddressText(address));
  if (values.open && !(await openInBrowser(address.url)))
    throw new Failure("No browser could be opened here: open the address yourself.");
  return exitCodes.ok;
}
