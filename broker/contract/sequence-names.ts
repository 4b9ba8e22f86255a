// Names with `####` or `%04d`: which files of a folder are pictures of that sequence.

/** Tells the files of a sequence by their name; undefined for a name with neither or with more than one of them. */
export function sequenceNames(name: string): ((other: string) => boolean) | undefined {
  const [, start, hashes, digits, end] = /^(.*?)(?:(#+)|%0?(\d*)d)([^#%]*)$/.exec(name) ?? [];
  if (start === undefined || end === undefined) return undefined;
  const width = hashes?.length ?? Number(digits || 1);
  return (other) => {
    if (!other.startsWith(start) || !other.endsWith(end)) return false;
    const number = other.slice(start.length, other.length - end.length);
    return /^-?\d+$/.test(number) && number.length >= width;
  };
}
