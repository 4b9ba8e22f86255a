// Writes docs/errors.md from the closed list of problems.
import { problemTable, type Retry } from "./problem.ts";

const next: Record<Retry, string> = {
  never: "Mend the request: sent again as it is, it is refused again.",
  "re-read": "Read what is there now, then decide anew.",
  later: "Send the same request again in a moment.",
};

/** The files this makes. */
export function generate(): Record<string, string> {
  const rows = Object.entries(problemTable).map(
    ([code, { status, title, retry }]) =>
      `| <a id="${code}"></a>\`${code}\` | ${status} | ${title} | ${next[retry]} |`,
  );
  const text = `# Errors

Generated from \`broker/contract/problem.ts\` by \`npm run gen\`. Do not change it here.

Every refusal is a problem document (RFC 9457, \`application/problem+json\`). Programs go by its \`code\`, people by its \`detail\`: one plain
sentence with what to do next. \`errors\` names the fields, \`instance\` the request in the broker's log. The list of codes is closed.

| code | status | what it means | what a client does |
|---|---|---|---|
${rows.join("\n")}
`;
  return { "docs/errors.md": text };
}
