// The word somebody probably meant: nearest by typing mistakes.

/** The candidate nearest to `word`, or undefined when none is near enough to be a typing mistake or a name left short. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const longer = withMore(word, candidates);
  if (longer !== undefined) return longer;
  const allowed = Math.max(1, Math.floor(word.length / 3));
  let best: { candidate: string; distance: number } | undefined;
  for (const candidate of candidates) {
    const distance = mistakes(word.toLowerCase(), candidate.toLowerCase());
    if (distance <= allowed && distance < (best?.distance ?? Infinity)) best = { candidate, distance };
  }
  return best?.candidate ?? candidates.find((one) => word.length > 2 && one.startsWith(word));
}

/** In less any few letters are found in many words. */
const leastLetters = 5;

/** The shortest candidate with every letter of `word` in its order, up to half as many again between them: parts of a name were left out. */
function withMore(word: string, candidates: readonly string[]): string | undefined {
  if (word.length < leastLetters) return undefined;
  return candidates
    .filter((one) => one.length <= word.length * 1.5 && holds(one.toLowerCase(), word.toLowerCase()))
    .toSorted((a, b) => a.length - b.length)[0];
}

function holds(text: string, letters: string): boolean {
  let at = 0;
  for (const letter of text) if (letter === letters[at]) at += 1;
  return at === letters.length;
}

/** Letters put in, left out, exchanged, or two neighbours turned round (Damerau's distance). */
function mistakes(from: string, to: string): number {
  let before: number[] = [];
  let last = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let row = 1; row <= from.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= to.length; column += 1) {
      const same = from[row - 1] === to[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const turned =
        row > 1 && column > 1 && from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (turned) cost = Math.min(cost, (before[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    before = last;
    last = current;
  }
  return last[to.length] ?? 0;
}
