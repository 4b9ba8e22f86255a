// Writes docs/config.md from the schema of tally.yaml.
import { z } from "zod";
import { configSchema } from "./config.ts";

interface Property {
  type?: string | undefined;
  anyOf?: Property[];
  oneOf?: Property[];
  description?: string;
  default?: unknown;
  properties?: Record<string, Property>;
  additionalProperties?: unknown;
  minimum?: number;
  exclusiveMinimum?: number;
  maximum?: number;
}

function rows(properties: Record<string, Property>, prefix: string): string[] {
  return Object.entries(properties).flatMap(([name, property]) => {
    if (property.properties) return rows(property.properties, `${prefix}${name}.`);
    const { description = "", default: fallback } = property;
    const shown = fallback === undefined ? "" : `\`${JSON.stringify(fallback)}\``;
    return [`| \`${prefix}${name}\` | ${kindOf(property)} | ${shown} | ${description} |`];
  });
}

function kindOf({ type, anyOf, oneOf, minimum, exclusiveMinimum, maximum }: Property): string {
  if (type === undefined) return [...new Set((anyOf ?? oneOf ?? []).map((one) => kindOf(one)))].join(" or ");
  const low = exclusiveMinimum === undefined ? minimum : `more than ${exclusiveMinimum}`;
  return maximum === undefined ? type : `${type}, ${low ?? ""} to ${maximum.toLocaleString("en")}`;
}

/** The files this makes. */
export function generate(): Record<string, string> {
  const { properties = {} } = z.toJSONSchema(configSchema, { io: "input" }) as Property;
  const text = `# Configuration

Generated from \`broker/config.ts\` by \`npm run gen\`. Do not change it here.

Tally needs no configuration. What you want otherwise goes into one file, \`tally.yaml\` in the data folder, or wherever \`tally serve --config FILE\` says.
A setting that does not exist is refused by name. The environment is for the data folder (\`TALLY_DATA\`) and for secrets alone.

| setting | what | default | |
|---|---|---|---|
${rows(properties, "").join("\n")}

A pool is \`kind: local\` with its \`slots\` (agents that this broker starts on this machine), or \`kind: joined\`: other machines that were given a worker's token.

\`\`\`yaml
pools:
  local: { kind: local, slots: 1 }
  farm: { kind: joined }
limits:
  maxTasksPerJob: 200000
\`\`\`

**Storage.** A folder, on a disk with room, or S3 and what speaks like it. Its keys are \`AWS_ACCESS_KEY_ID\` and
\`AWS_SECRET_ACCESS_KEY\` in the environment of \`tally serve\`, or the role of its machine; the bucket must exist.

\`\`\`yaml
storage: { kind: folder, folder: /big/tally }
# or
storage: { kind: s3, bucket: renders, region: eu-central-1 }
# or another server; prefix is put before every key
storage: { kind: s3, bucket: renders, endpoint: "https://s3.studio.example", prefix: tally/ }
\`\`\`

**Shared roots.** What lies below is never sent: every worker reads it where it is. Name each system that sees it.

\`\`\`yaml
sharedRoots:
  - { name: projects, linux: /mnt/projects, macos: /Volumes/projects, windows: 'P:\\projects' }
\`\`\`

A change counts from the next start of the broker: \`tally stop\`, then \`tally serve\`.
`;
  return { "docs/config.md": text };
}
