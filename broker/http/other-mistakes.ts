// What else is wrong with a submission whose form is refused already, so that nobody hears of mistakes one round after another.
import type { z } from "zod";
import { submitSchema } from "../contract/job.ts";
import { Problem, type FieldError } from "../contract/problem.ts";
import type { Broker } from "../service/broker.ts";
import { planSubmission } from "../service/plan-submission.ts";

/** The mistakes that are found once the settings and values that the form refuses are left out; none where more is wrong. */
export async function otherMistakes(
  broker: Broker,
  body: unknown,
  refused: z.ZodError,
): Promise<FieldError[]> {
  const rest = submitSchema.safeParse(without(body, refused));
  if (!rest.success) return [];
  try {
    await planSubmission(broker, rest.data);
    return [];
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return error.code === "invalid" ? (error.extra.errors ?? []) : [];
  }
}

/** A copy without the settings and parameters that are named; other mistakes stay in it. */
function without(body: unknown, { issues }: z.ZodError): unknown {
  const copy = structuredClone(body);
  for (const { path, ...issue } of issues) {
    const names = issue.code === "unrecognized_keys" ? issue.keys : [path[1]];
    const [part] = path;
    const group =
      part === "settings" || part === "parameters" ? (copy as Record<string, unknown>)[part] : null;
    if (typeof group !== "object" || group === null) continue;
    for (const name of names) if (name !== undefined) Reflect.deleteProperty(group, name);
  }
  return copy;
}
