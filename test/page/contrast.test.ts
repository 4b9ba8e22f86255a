// Tests that what is written, and what says a state by its shape, can be seen in both themes: WCAG AA.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { root } from "../../scripts/files.ts";

type Theme = "light" | "dark";

/** The colors of a style sheet by name, `#rrggbb` or with two digits more for how much of it shows. */
function colorsOf(file: string): Map<string, Record<Theme, string>> {
  const text = readFileSync(join(root, "broker/web/style", file), "utf8");
  const found = text.matchAll(/--([\w-]+): light-dark\((#[\da-f]{6,8}), (#[\da-f]{6,8})\)/g);
  return new Map([...found].map(([, name = "", light = "", dark = ""]) => [name, { light, dark }]));
}

const parts = (color: string): number[] =>
  [1, 3, 5, 7].map((at) => Number.parseInt(color.slice(at, at + 2) || "ff", 16));

function brightness(color: readonly number[]): number {
  const [red = 0, green = 0, blue = 0] = color.map((one) => {
    const share = one / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

/** From 1, nothing to be seen, to 21. */
function contrast(one: readonly number[], other: readonly number[]): number {
  const [dark = 0, bright = 0] = [brightness(one), brightness(other)].toSorted((a, b) => a - b);
  return (bright + 0.05) / (dark + 0.05);
}

/** A color over a ground through which that shows. */
function over(color: string, ground: string): number[] {
  const [red = 0, green = 0, blue = 0, alpha = 255] = parts(color);
  const below = parts(ground);
  return [red, green, blue].map((one, at) => (one * alpha + (below[at] ?? 0) * (255 - alpha)) / 255);
}

const tokens = colorsOf("tokens.css");
const grounds = ["ground", "sunken", "panel", "raised", "hover"];

/** What of `names` is below `least` on any of the grounds, in either theme. */
function tooFaint(
  colors: ReadonlyMap<string, Record<Theme, string>>,
  names: readonly string[],
  on: readonly string[],
  least: number,
): string[] {
  const found: string[] = [];
  const of = (map: typeof colors, name: string, theme: Theme) => {
    const color = map.get(name)?.[theme];
    if (color === undefined) throw new Error(`there is no color ${name}`);
    return color;
  };
  for (const theme of ["light", "dark"] as const)
    for (const name of names)
      for (const ground of on) {
        const behind = over(of(tokens, ground, theme), of(tokens, "panel", theme));
        const is = contrast(parts(of(colors, name, theme)).slice(0, 3), behind);
        if (is < least) found.push(`${theme}: ${name} on ${ground} ${is.toFixed(2)}`);
      }
  return found;
}

it("text can be read on every ground, also on chosen rows", () => {
  const on = [...grounds, "accent-soft"];
  expect(tooFaint(tokens, ["text", "text-soft", "text-faint"], on, 4.5)).toEqual([]);
  const states = ["accent-text", "done-text", "failed-text", "paused-text"];
  expect(tooFaint(tokens, states, on, 4.5)).toEqual([]);
});

it("states and the focus can be seen where they are drawn", () => {
  const states = ["waiting", "running", "done", "failed", "canceled", "paused", "blocked", "accent"];
  expect(tooFaint(tokens, states, ["ground", "panel", "hover"], 3)).toEqual([]);
});

it("the colors of a log can be read on its ground", () => {
  const log = colorsOf("log.css");
  const names = Array.from({ length: 16 }, (_, n) => `ansi-${n}`);
  expect(tooFaint(log, names, ["sunken"], 4.5)).toEqual([]);
});
