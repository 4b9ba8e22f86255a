// Who is asking: a bearer token, or the page's cookie. Browsers are held to this host and origin.
import type { Context, MiddlewareHandler } from "hono";
import { getCookie, setCookie } from "hono/cookie";
import { Problem } from "../contract/problem.ts";
import type { Authenticator, Identity } from "../service/tokens.ts";

const cookieName = "tally";

/** The identity behind a request, or undefined. */
export function identify(c: Context, authenticator: Authenticator): Identity | undefined {
  const header = c.req.header("authorization");
  if (header !== undefined) {
    const token = bearerOf(header);
    return token === undefined ? undefined : authenticator.identify(token);
  }
  const cookie = getCookie(c, cookieName);
  return cookie === undefined ? undefined : authenticator.identify(cookie);
}

/** The token of an Authorization header, or undefined when it is none. */
export function bearerOf(header: string | null): string | undefined {
  return /^Bearer ([\w-]{20,200})$/.exec(header ?? "")?.[1];
}

/** Refuses foreign Host names (a page elsewhere that resolves to this machine) and foreign origins. */
export function checkHostAndOrigin(isAllowedHost: (host: string) => boolean): MiddlewareHandler {
  return async (c, next) => {
    const host = c.req.header("host");
    if (host !== undefined && !isAllowedHost(host)) {
      throw new Problem(
        "forbidden",
        `This broker does not answer to the name ${host.slice(0, 100)}. Add it under allowedHosts in tally.yaml if it is yours.`,
      );
    }
    const origin = c.req.header("origin");
    if (origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`) {
      throw new Problem("forbidden", "Pages of other sites may not talk to this broker.");
    }
    await next();
  };
}

/** Where the page is opened with a code. */
export function loginPath(code: string): string {
  return `/login?code=${code}`;
}

/** Gives the browser its cookie: not readable by scripts, never sent from other sites. */
export function setLoginCookie(c: Context, token: string): void {
  setCookie(c, cookieName, token, {
    httpOnly: true,
    sameSite: "Strict",
    path: "/",
    secure: new URL(c.req.url).protocol === "https:",
    maxAge: 30 * 86_400,
  });
}
