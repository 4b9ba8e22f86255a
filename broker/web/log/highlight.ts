// Marks the words of a search in a line that is already cut into runs of one look each.
import type { Look, Run } from "./ansi.ts";

export interface MarkedRun {
  text: string;
  look: Look;
  marked: boolean;
}

/** The runs, cut further where the words begin and end; found whether in capitals or not, across runs too. */
export function mark(runs: readonly Run[], words: string): MarkedRun[] {
  const whole = runs.map(({ text }) => text).join("");
  const lower = whole.toLowerCase();
  const wanted = words.toLowerCase();
  // A few letters change their length with their case; places would then be wrong.
  if (wanted === "" || lower.length !== whole.length || !lower.includes(wanted))
    return runs.map((run) => ({ ...run, marked: false }));
  const edges: number[] = [];
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, at + wanted.length))
    edges.push(at, at + wanted.length);
  const marked: MarkedRun[] = [];
  let start = 0;
  let edge = 0;
  for (const { text, look } of runs) {
    const end = start + text.length;
    let at = start;
    while (at < end) {
      while ((edges[edge] ?? Infinity) <= at) edge++;
      const next = Math.min(end, edges[edge] ?? Infinity);
      // An odd number of edges behind us: inside a match.
      marked.push({ text: whole.slice(at, next), look, marked: edge % 2 === 1 });
      at = next;
    }
    start = end;
  }
  return marked;
}
