// Numbers as people say them: sizes, durations, moments, counts, and file names that fit a line.
import { homedir } from "node:os";
import { sep } from "node:path";
import { brokerClock } from "../contract/broker-clock.ts";
import { duration, momentSeen, roughly } from "../contract/duration.ts";

export { duration, roughly };

/** `3 frames`, `1 frame`, `12,000 frames`. `many` is needed only where an s is not enough. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count.toLocaleString("en-US")} ${count === 1 ? one : many}`;
}

/** Bytes as `312 bytes`, `4.2 MB`, `17 GB` (powers of 1000, as disks are sold and file managers count). */
export function size(bytes: number): string {
  if (bytes < 1000) return counted(bytes, "byte");
  const units = ["kB", "MB", "GB", "TB", "PB"];
  let value = bytes / 1000;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** Two guesses as a span: `9 to 15 min`; empty where both are the same. */
export function rangeOf(low: number, high: number): string {
  const from = roughly(low);
  const to = roughly(high);
  if (from === to) return "";
  const [number, unit] = from.split(" ");
  return unit === to.split(" ")[1] ? `${number} to ${to}` : `${from} to ${to}`;
}

/** A moment (RFC 3339) as seen from `now` (ms): `just now`, `5 min ago`, `yesterday 14:02`, `2026-03-01 14:02`. */
export function moment(time: string, now = brokerClock.now()): string {
  return momentSeen(time, now, (at) => `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`);
}

/** A file name of at most `width` characters: the end is kept, because it says which file it is. */
export function shortPath(path: string, width: number): string {
  const home = homedir();
  const text = home.length > 1 && path.startsWith(home + sep) ? `~${path.slice(home.length)}` : path;
  if (text.length <= width) return text;
  const pieces = text.split(/[\\/]/);
  let kept = pieces.pop() ?? text;
  for (let piece = pieces.pop(); piece !== undefined; piece = pieces.pop()) {
    if (kept.length + piece.length + 3 > width) break;
    kept = `${piece}${sep}${kept}`;
  }
  return `…${sep}${kept}`;
}

/** The name of a frame's file: the last run of # in the file's own name becomes the number, padded as Blender does. */
export function frameFile(pattern: string, frame: number): string {
  const nameAt = Math.max(pattern.lastIndexOf("/"), pattern.lastIndexOf("\\")) + 1;
  const last = [...pattern.slice(nameAt).matchAll(/#+/g)].at(-1);
  if (last === undefined) return pattern;
  const at = nameAt + last.index;
  const number = `${frame < 0 ? "-" : ""}${String(Math.abs(frame)).padStart(last[0].length, "0")}`;
  return pattern.slice(0, at) + number + pattern.slice(at + last[0].length);
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}
