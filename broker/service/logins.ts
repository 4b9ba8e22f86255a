// One-time addresses of the page: a code in memory, good once and for some minutes, that stands for the token which asked
// for it. The browser then may what that token may, and for as long.
import { createHash, randomBytes } from "node:crypto";
import type { Clock } from "../domain/ports.ts";

export interface Logins {
  /** A new code; `lastsMs` null: until the broker stops, however many are made after it. */
  make(token: string, lastsMs?: number | null): string;
  /** The token that the cookie of a browser holds for somebody who has this one. */
  given(token: string): string;
  /** The token of a code, once; undefined for a code that was used, is too old or never was. */
  use(code: string): string | undefined;
}

/** How long an address that was asked for can be opened, ms. */
export const loginLastsMs = 10 * 60_000;
/** Codes of one token that wait to be used for a while: its oldest makes room. */
const mostOfOne = 10;

interface Waiting {
  token: string;
  until: number;
}

/** Makes the codes of one broker. `given`: the token that a browser is given for one that asked, where that is another. */
export function createLogins(
  clock: Pick<Clock, "monotonic">,
  given: (token: string) => string = (token) => token,
): Logins {
  // By hash, so that the time of a look-up says nothing about a code.
  const waiting = new Map<string, Waiting>();
  const keyOf = (code: string) => createHash("sha256").update(code).digest("base64url");

  return {
    given,
    make(asking, lastsMs = loginLastsMs) {
      const token = given(asking);
      const now = clock.monotonic();
      for (const [key, { until }] of waiting) if (until <= now) waiting.delete(key);
      // The one that was printed at the start is none of them: its terminal says how long it is good.
      const own = [...waiting].filter(([, one]) => one.token === token && one.until !== Infinity);
      const oldest = own.length < mostOfOne ? undefined : own[0];
      if (oldest) waiting.delete(oldest[0]);
      const code = randomBytes(18).toString("base64url");
      waiting.set(keyOf(code), { token, until: lastsMs === null ? Infinity : now + lastsMs });
      return code;
    },
    use(code) {
      const key = keyOf(code);
      const found = waiting.get(key);
      waiting.delete(key);
      return found && found.until > clock.monotonic() ? found.token : undefined;
    },
  };
}
