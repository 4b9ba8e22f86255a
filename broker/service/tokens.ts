// Tokens: random text of which only the hash is kept, each with a role; asked for on every request.
import { createHash, randomBytes } from "node:crypto";
import type { Role } from "../contract/states.ts";
import { Problem } from "../contract/problem.ts";
import type { Tx } from "../store/tx.ts";
import type { Broker } from "./broker.ts";

export interface Identity {
  tokenId: number;
  role: Role;
  name: string;
}

const hashOf = (token: string) => createHash("sha256").update(token).digest();

/** Makes a token; its text is returned once and never stored. */
export function createToken(
  tx: Tx,
  role: Role,
  name: string,
  expiresInSeconds: number | null,
): { id: number; token: string } {
  const token = `tally_${role}_${randomBytes(24).toString("base64url")}`;
  const { id } = tx.run(
    "INSERT INTO tokens (hash, role, name, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
    hashOf(token),
    role,
    name,
    tx.now,
    expiresInSeconds === null ? null : tx.now + expiresInSeconds * 1000,
  );
  return { id, token };
}

export interface Authenticator {
  /** Who holds this token, or undefined when nobody does (any more). */
  identify(token: string): Identity | undefined;
}

const rememberedTokens = 10_000;

/** Looks tokens up in the read-only connection and remembers the good ones. */
export function createAuthenticator(broker: Broker): Authenticator {
  const select = broker.reader.prepare(
    "SELECT id AS tokenId, role, name, expires_at AS expiresAt FROM tokens WHERE hash = ? AND revoked_at IS NULL",
  );
  let known = new Map<string, Identity & { expiresAt: number | null }>();
  let seen = broker.revocations;
  return {
    identify(token) {
      if (seen !== broker.revocations) {
        known = new Map();
        seen = broker.revocations;
      }
      let identity = known.get(token);
      if (!identity) {
        identity = select.get(hashOf(token)) as typeof identity;
        if (!identity) return undefined;
        if (known.size >= rememberedTokens) known = new Map();
        known.set(token, identity);
      }
      if (identity.expiresAt !== null && identity.expiresAt <= broker.clock.now()) return undefined;
      return identity;
    },
  };
}

/** Makes a token useless, from its COMMIT on. */
export function revokeToken(broker: Broker, tokenId: number): Promise<void> {
  return broker.writer.write((tx) => {
    if (
      tx.run("UPDATE tokens SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", tx.now, tokenId)
        .changes === 0
    ) {
      throw new Problem("not-found", `There is no token tok_${tokenId} in use.`);
    }
    tx.after(() => broker.revocations++);
  });
}
