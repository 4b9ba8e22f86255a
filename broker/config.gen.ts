// Writes docs/config.md from the schema of tally.yaml.
import { z } from "zod";
import { configSchema } from "./config.ts";

interface Property {
  type?: string;
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

function kindOf({ type = "", minimum, exclusiveMinimum, maximum }: Property): string {
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
`;
  return { "docs/config.md": text };
}
