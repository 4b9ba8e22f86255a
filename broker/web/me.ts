// Who looks at this page, and what they may do: nothing is offered that the broker would refuse.
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import { ProblemError, type Answer } from "../contract/client.ts";
import type { OperationId } from "../contract/routes.ts";
import type { Role } from "../contract/states.ts";
import type { Api } from "./api.ts";

export interface Me {
  /** Null until the broker said it. */
  readonly role: Role | null;
  /** Whether an operation may be called; of one on jobs: on this one. */
  may: (operation: OperationId, job?: { owner: string }) => boolean;
}

/** Nobody known: nothing is offered. */
export const nobody: Me = { role: null, may: () => false };

/** Apart from the store, so that nothing begins anew when it becomes known. */
export const MeContext = createContext<Me>(nobody);

/** Who looks at this page. */
export function useMe(): Me {
  return useContext(MeContext);
}

/** What the broker said, as the page asks it. */
export function meOf({ name, role, may, ownOnly }: Answer<"whoAmI">): Me {
  const all = new Set(may);
  const own = new Set(ownOnly);
  return {
    role,
    may: (operation, job) =>
      all.has(operation) && (job === undefined || !own.has(operation) || job.owner === name),
  };
}

/** A broker that is away is asked again so often, ms. */
const againMs = 1000;

/** Asks until the broker says it, or refuses this reader. */
export async function askWhoIAm(api: Api): Promise<Me> {
  for (;;) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- until it answers
      return meOf(await api.whoAmI());
    } catch (error) {
      if (error instanceof ProblemError && error.status < 500) return nobody;
    }
    // oxlint-disable-next-line no-await-in-loop -- see above
    await new Promise((done) => setTimeout(done, againMs));
  }
}
