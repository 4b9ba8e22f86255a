// Addresses are asked for together, kept while they are good, and asked for anew before they end.
import { expect, it } from "vitest";
import { createAddresses } from "./addresses.ts";

function signer() {
  const asked: string[][] = [];
  let clock = 0;
  const addresses = createAddresses(
    (sha256s) => {
      asked.push(sha256s);
      const expiresAt = new Date(clock + 600_000).toISOString();
      return Promise.resolve({
        downloads: sha256s.map((sha256) =>
          sha256 === "gone"
            ? null
            : { sha256, bytes: 1, get: { url: `/signed/${sha256}?${clock}`, headers: {}, expiresAt } },
        ),
      });
    },
    () => clock,
  );
  return { asked, addresses, pass: (ms: number) => (clock += ms) };
}

it("asks once for what is wanted in one moment", async () => {
  const { asked, addresses } = signer();
  const all = await Promise.all(["a", "b", "gone", "a"].map((one) => addresses.of(one)));
  expect(all).toEqual(["/signed/a?0", "/signed/b?0", null, "/signed/a?0"]);
  expect(asked).toEqual([["a", "b", "gone"]]);
});

it("asks anew when an address is about to end", async () => {
  const { asked, addresses, pass } = signer();
  await addresses.of("a");
  pass(500_000);
  await addresses.of("a");
  expect(asked).toHaveLength(1);
  pass(60_000);
  expect(await addresses.of("a")).toBe("/signed/a?560000");
});

it("asks for no more at once than the broker answers", async () => {
  const { asked, addresses } = signer();
  await Promise.all(Array.from({ length: 2500 }, (_, n) => addresses.of(String(n))));
  expect(asked.map((some) => some.length)).toEqual([1000, 1000, 500]);
});
