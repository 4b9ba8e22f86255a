// The vectors of the pack format, run against the contract's reader and writer.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { PackError, packEnd, packHead, packStart, readPack } from "../../broker/contract/pack.ts";

interface Case {
  name: string;
  given: { hex: string; maxBytes: number };
  expect: { files: { sha256: string; hex: string }[]; problem: string | null; written?: boolean };
}
const cases = JSON.parse(readFileSync(join(import.meta.dirname, "pack.json"), "utf8")) as Case[];

/** The bytes in pieces of so many, as a network may cut them. */
async function* pieces(data: Buffer, length: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < data.length; at += length) yield data.subarray(at, at + length);
}

async function read(data: Buffer, maxBytes: number, length: number): Promise<Case["expect"]> {
  const files: Case["expect"]["files"] = [];
  try {
    for await (const file of readPack(pieces(data, length), maxBytes))
      files.push({ sha256: file.sha256, hex: Buffer.from(file.data).toString("hex") });
  } catch (error) {
    if (!(error instanceof PackError)) throw error;
    return { files, problem: error.message };
  }
  return { files, problem: null };
}

test.for(cases)("pack: $name", async ({ given, expect: wanted }) => {
  const { written = true, ...outcome } = wanted;
  const data = Buffer.from(given.hex, "hex");
  for (const length of [1, 7, 1 << 20]) {
    // oxlint-disable-next-line no-await-in-loop -- one after another is easier to read when it fails
    expect(await read(data, given.maxBytes, length)).toEqual(outcome);
  }
  if (outcome.problem !== null || !written) return;
  const parts = outcome.files.flatMap(({ sha256, hex }) => {
    const bytes = Buffer.from(hex, "hex");
    return [packHead(sha256, bytes.length), bytes];
  });
  const whole = Buffer.concat([packStart(), ...parts, packEnd(outcome.files.length)]);
  expect(whole.toString("hex")).toBe(given.hex);
});
