// Tests the codes behind one-time addresses: once, for a while, for the token that asked.
import { expect, it } from "vitest";
import { createLogins, loginLastsMs } from "./logins.ts";

function open() {
  let now = 5;
  const logins = createLogins({ monotonic: () => now });
  return { logins, advance: (ms: number): void => void (now += ms) };
}

it("opens once, for the token that asked for it", () => {
  const { logins } = open();
  const [ana, bo] = [logins.make("token of ana"), logins.make("token of bo")];
  expect(ana).not.toBe(bo);
  expect(logins.use(bo)).toBe("token of bo");
  expect(logins.use(bo)).toBeUndefined();
  expect(logins.use(ana)).toBe("token of ana");
  for (const none of ["", "x", ana, ana.slice(1)]) expect(logins.use(none)).toBeUndefined();
});

it("opens for ten minutes; the one that is printed at the start for as long as the broker runs", () => {
  const { logins, advance } = open();
  const first = logins.make("page", null);
  const [late, early] = [logins.make("ana"), logins.make("ana")];
  advance(loginLastsMs - 1);
  expect(logins.use(early)).toBe("ana");
  advance(1);
  expect(logins.use(late)).toBeUndefined();
  advance(1e9);
  expect(logins.use(first)).toBe("page");
});

it("keeps the one that is printed at the start, however many are asked for after it", () => {
  const { logins } = open();
  const printed = logins.make("page", null);
  const codes = Array.from({ length: 11 }, () => logins.make("page"));
  expect(codes.map((code) => logins.use(code))).toEqual([undefined, ...Array(10).fill("page")]);
  expect(logins.use(printed)).toBe("page");
});

it("keeps ten of one token, and never at the cost of another's", () => {
  const { logins } = open();
  const bo = logins.make("bo");
  const codes = Array.from({ length: 12 }, () => logins.make("ana"));
  expect(codes.map((code) => logins.use(code))).toEqual([undefined, undefined, ...Array(10).fill("ana")]);
  expect(logins.use(bo)).toBe("bo");
});
