// A new one-time address of the status page, from a broker that runs.
import type { Answer, Client } from "../contract/client.ts";
import { Failure } from "./failure.ts";

export interface PageAddress {
  url: string;
  /** RFC 3339. */
  expiresAt: string;
}

/** Asks the broker for one. Throws its refusal, and a Failure when it names an address that is not its own. */
export async function newPageAddress(client: Client): Promise<PageAddress> {
  const { path, expiresAt } = await client.call<Answer<"createPageAddress">>("post", "/v1/page-addresses");
  const url = new URL(path, client.url);
  if (url.origin !== new URL(client.url).origin)
    throw new Failure(`The broker at ${client.url} named an address that is not its own: ${url.href}`);
  return { url: url.href, expiresAt };
}

/** What is said of it. */
export function pageAddressText({ url }: Pick<PageAddress, "url">): string {
  return `Open the status page (this address works once, for ten minutes):\n  ${url}\n`;
}
