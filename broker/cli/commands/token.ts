// tally token: makes, lists and revokes tokens.
import type { Answer } from "../../contract/client.ts";
import { roles } from "../../contract/states.ts";
import { brokerHelp, brokerOptions, readArguments, readChoice, readWhole, usage } from "../arguments.ts";
import { connect } from "../connect.ts";
import { exitCodes } from "../failure.ts";
import { moment } from "../humane.ts";
import { tally } from "../own-name.ts";
import { paint, plain, table } from "../style.ts";
import { write } from "../write.ts";

/** The help text of `tally token`. */
export const tokenHelp = `tally token create NAME  [--role artist|viewer|worker|admin] [--days N]
tally token list
tally token revoke ID

A token lets a person or a machine use this broker. Its text is shown once, when it is made.

  --role ROLE            artist: own jobs (the default); viewer: only looks; worker: renders; admin: everything
  --days N               it ends after so many days; default: never
${brokerHelp}`;

/** Runs `tally token`. */
export async function token(args: string[]): Promise<number> {
  const { values, positionals } = readArguments(
    "token",
    args,
    { ...brokerOptions, role: { type: "string" }, days: { type: "string" } },
    { most: 2, what: "create NAME, list, or revoke ID" },
  );
  const [verb = "list", word] = positionals;
  const role = values.role === undefined ? "artist" : readChoice("token", "--role", values.role, roles);
  const days = values.days === undefined ? undefined : readWhole("token", "--days", values.days, 1, 3650);
  switch (readChoice("token", "tally token", verb, ["create", "list", "revoke"])) {
    case "create": {
      if (word === undefined)
        throw usage("token", `Whose token? Give a name: ${tally("token create NAME")}.`);
      const client = await connect(values);
      const made = await client.call<Answer<"createToken">>("post", "/v1/tokens", {
        body: { role, name: word, ...(days !== undefined && { expiresInSeconds: days * 86_400 }) },
      });
      const said = `A token for ${plain(made.name)} (${made.role}). Keep it now, it is not shown again:\n\n  ${made.token}\n`;
      const page = made.role === "worker" ? "" : `\nWith it the page opens too: ${client.url}/login\n`;
      await write(values.json ? `${JSON.stringify(made)}\n` : said + page);
      return exitCodes.ok;
    }
    case "list": {
      const client = await connect(values);
      const { items } = await client.call<Answer<"listTokens">>("get", "/v1/tokens");
      const rows = items.map((one) => [
        one.id,
        plain(one.name),
        one.role,
        moment(one.createdAt),
        one.expiresAt === null ? "never ends" : `ends ${new Date(one.expiresAt).toLocaleDateString("sv-SE")}`,
      ]);
      const head = ["token", "name", "role", "made", ""].map((title) => paint("dim", title));
      await write(values.json ? `${JSON.stringify({ tokens: items })}\n` : table([head, ...rows]));
      return exitCodes.ok;
    }
    case "revoke": {
      if (word === undefined)
        throw usage("token", `Which token? Give its id; \`${tally("token list")}\` shows it.`);
      const client = await connect(values);
      await client.call("delete", `/v1/tokens/${encodeURIComponent(word)}`);
      await write(
        values.json ? `${JSON.stringify({ revoked: word })}\n` : `The token ${word} works no more.\n`,
      );
      return exitCodes.ok;
    }
  }
}
