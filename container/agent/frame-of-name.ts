// Which frame a file belongs to, by the number in its name.

/**
 * The place in `frames` of the one frame that a file's name names: its last number, else the only number that is a frame.
 * Undefined where none fits, or several do.
 */
export function frameOfName(path: string, frames: readonly number[]): number | undefined {
  const name = path.split(/[\\/]/).at(-1) ?? "";
  const stem = name.replace(/(?<=.)\.[A-Za-z][A-Za-z0-9]{0,7}$/, "");
  const numbers = [...stem.matchAll(/\d+/g)].map(({ 0: digits, index }) => {
    // A minus counts where nothing but a separator or the start stands before it.
    const minus = stem[index - 1] === "-" && (index === 1 || /[^A-Za-z0-9]/.test(stem[index - 2] ?? ""));
    return minus ? -Number(digits) : Number(digits);
  });
  const last = numbers.at(-1);
  const place = last === undefined ? -1 : frames.indexOf(last);
  if (place >= 0) return place;
  const fitting = [...new Set(numbers.map((it) => frames.indexOf(it)).filter((it) => it >= 0))];
  return fitting.length === 1 ? fitting[0] : undefined;
}
