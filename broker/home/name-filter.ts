// Which result files a filter such as *.exr or beauty/** means. The rules are written down in test/vectors/README.md.

/** Says whether one character fits; `any`: any number of any characters. */
type Sign = "any" | ((character: string) => boolean);

/** Makes a test for full names from a filter. Never throws: signs that mean nothing mean themselves. */
export function nameFilter(filter: string): (name: string) => boolean {
  const posix = readFilter(filter);
  const windows = readFilter(filter.replaceAll("\\", "/"));
  return (name) => (isWindowsName(name) ? fits(windows, name.replaceAll("\\", "/")) : fits(posix, name));
}

function isWindowsName(name: string): boolean {
  return /^(?:[A-Za-z]:[\\/]|\\\\)/.test(name);
}

type Part = "any" | Sign[];

function readFilter(filter: string): Part[] {
  const isWhole = filter.startsWith("/") || /^[A-Za-z]:\//.test(filter);
  const parts = filter
    .replace(/^\/+/, "")
    .split("/")
    .map((part): Part => (part === "**" ? "any" : readPart(part)));
  // "Everything below" is at least one name.
  if (parts.at(-1) === "any") parts.push(["any"]);
  return isWhole ? parts : ["any", ...parts];
}

function fits(parts: readonly Part[], name: string): boolean {
  const names = name.replace(/^\/+/, "").split("/");
  return matches(parts, names, (part, one) => matches(part, Array.from(one), (sign, it) => sign(it)));
}

/** One way back is enough, so that no filter takes longer than its length times the name's. */
function matches<P, T>(
  pattern: readonly ("any" | P)[],
  items: readonly T[],
  isOne: (pattern: P, item: T) => boolean,
): boolean {
  let at = 0;
  let back: { at: number; item: number } | undefined;
  for (let item = 0; item < items.length;) {
    const wanted = pattern[at];
    if (wanted === "any") {
      at += 1;
      back = { at, item };
    } else if (wanted !== undefined && isOne(wanted, items[item] as T)) {
      at += 1;
      item += 1;
    } else if (back === undefined) return false;
    else {
      back.item += 1;
      ({ at, item } = back);
    }
  }
  return pattern.slice(at).every((rest) => rest === "any");
}

/** The signs of one name: none of them reaches over a slash. */
function readPart(part: string): Sign[] {
  const characters = Array.from(part);
  const signs: Sign[] = [];
  for (let at = 0; at < characters.length; at += 1) {
    const character = characters[at] as string;
    const set = character === "[" ? readSet(characters, at) : undefined;
    if (set !== undefined) {
      signs.push(set.sign);
      at = set.end;
    } else if (character === "*") signs.push("any");
    else signs.push(character === "?" ? () => true : (one) => one === character);
  }
  return signs;
}

/** `[a-c]`, `[!1]`, `[]x]`; undefined where the bracket is never closed. */
function readSet(characters: readonly string[], start: number): { sign: Sign; end: number } | undefined {
  let at = start + 1;
  const isTurned = characters[at] === "!" || characters[at] === "^";
  if (isTurned) at += 1;
  const end = characters.indexOf("]", at + 1);
  if (end < 0) return undefined;
  const ranges: [string, string][] = [];
  while (at < end) {
    const first = characters[at] as string;
    const to = characters[at + 1] === "-" && at + 2 < end ? (characters[at + 2] as string) : undefined;
    ranges.push([first, to ?? first]);
    at += to === undefined ? 1 : 3;
  }
  const has = (one: string): boolean => ranges.some(([from, to]) => isBetween(one, from, to));
  return { sign: isTurned ? (one) => !has(one) : has, end };
}

function isBetween(one: string, from: string, to: string): boolean {
  const [it, low, high] = [one, from, to].map((text) => text.codePointAt(0) ?? 0) as [number, number, number];
  return it >= low && it <= high;
}
