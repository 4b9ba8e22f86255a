// Frame lists as artists write them, such as 1-10,15,20-40:2 or Blender's 1..10x2: read, said back, and written for a job.

/** Frames in increasing order, none twice. */
export type Frames = readonly number[];

/** A frame list that cannot be meant: its message is one sentence for a person. */
export class FramesMistake extends Error {}

/** Blender keeps frame numbers in this range (MINAFRAME and MAXFRAME). */
const largest = 1_048_574;
const part = /^([+-]?\d+)(?:\s*(?:-|\.{2,3})\s*([+-]?\d+))?(?:\s*[:x]\s*([+-]?\d+))?$/i;

/**
 * Reads a frame list: numbers and ranges between commas or blanks, `-` or `..` between the ends, `:n` or `xn` for
 * every n-th, negatives as they are (`-5--1`). Throws {@link FramesMistake} with what is wrong and how to write it.
 */
export function parseFrames(text: string): Frames {
  const parts = text
    .split(",")
    .flatMap((piece) => (part.test(piece.trim()) ? [piece.trim()] : piece.trim().split(/\s+/)));
  if (parts.every((piece) => piece === ""))
    throw new FramesMistake("The frame list is empty. Write for example --frames 1-120.");
  const frames = new Set<number>();
  for (const piece of parts) {
    const { first, last, step } = readPart(piece);
    for (let frame = first; frame <= last; frame += step) {
      if (frames.has(frame)) {
        throw new FramesMistake(
          `Frame ${frame} is named twice in "${shorten(text)}". Name every frame once, for example --frames 1-10,15.`,
        );
      }
      frames.add(frame);
    }
  }
  return [...frames].toSorted((a, b) => a - b);
}

/** Every frame of a range, ends included. */
export function framesBetween(first: number, last: number, step = 1): Frames {
  return Array.from({ length: Math.floor((last - first) / step) + 1 }, (_, index) => first + index * step);
}

/** The shortest list with these frames as a range expression of Open Job Description: `1-10,15,20-40:2`. */
export function formatFrames(frames: Frames): string {
  const parts: string[] = [];
  for (let index = 0; index < frames.length;) {
    const first = frames[index] as number;
    const step = (frames[index + 1] ?? first) - first;
    let end = index;
    while (end + 1 < frames.length && (frames[end + 1] as number) - (frames[end] as number) === step)
      end += 1;
    // Two frames apart are shorter as two numbers, and leave the second free to begin a longer run.
    if (end === index + 1 && step > 1) end = index;
    const last = frames[end] as number;
    parts.push(end === index ? `${first}` : `${first}-${last}${step === 1 ? "" : `:${step}`}`);
    index = end + 1;
  }
  return parts.join(",");
}

/** What was understood, to be said back: `24 frames: 1-24`. A very long list is cut in its middle. */
export function describeFrames(frames: Frames): string {
  const parts = formatFrames(frames).split(",");
  const shown = parts.length > 12 ? [...parts.slice(0, 9), "…", ...parts.slice(-2)] : parts;
  return `${frames.length === 1 ? "1 frame" : `${frames.length} frames`}: ${shown.join(", ")}`;
}

function readPart(piece: string): { first: number; last: number; step: number } {
  const [, from, to, by] = part.exec(piece) ?? [];
  if (from === undefined) {
    const what =
      piece === "" ? "There is nothing between two commas" : `"${shorten(piece)}" is no frame list`;
    throw new FramesMistake(`${what}. Write for example --frames 1-10,15,20-40:2.`);
  }
  const first = readFrame(from);
  const last = to === undefined ? first : readFrame(to);
  const step = by === undefined ? 1 : Number(by);
  if (last < first) {
    throw new FramesMistake(
      `"${piece}" ends before it starts. Write ${last}-${first}${by === undefined ? "" : `:${Math.abs(step)}`} instead.`,
    );
  }
  if (step < 1) throw new FramesMistake(`The step in "${piece}" must be 1 or more.`);
  if (by !== undefined && to === undefined) {
    throw new FramesMistake(
      `"${piece}" has a step but no end. Write a range such as ${first}-${first + 10 * step}:${step}.`,
    );
  }
  return { first, last, step };
}

function readFrame(text: string): number {
  const frame = Number(text);
  if (Math.abs(frame) <= largest) return frame === 0 ? 0 : frame;
  throw new FramesMistake(
    `Frame ${shorten(text)} is out of reach: Blender's frames go from -${largest} to ${largest}.`,
  );
}

function shorten(text: string): string {
  return text.length > 40 ? `${text.slice(0, 39)}…` : text;
}
