// The flip-book's clock: which frame is shown at a time. It counts time, not turns of the page, so that a slow page drops
// frames instead of playing slowly.

export interface Playing {
  /** Which of the frames, from 0. */
  index: number;
  playing: boolean;
  loop: boolean;
  framesPerSecond: number;
  /** When `index` began to show, ms of the page's clock. */
  since: number;
}

export const frameRates = [6, 8, 12, 15, 23.976, 24, 25, 29.97, 30, 48, 50, 60] as const;

/** What is played: from the first to the last frame that has a picture. */
export interface Span {
  first: number;
  last: number;
}

/** The span of frames with a picture, of which there is one at least. */
export function spanOf(ordinals: Iterable<number>): Span {
  let [first, last] = [Infinity, 0];
  for (const ordinal of ordinals) {
    first = Math.min(first, ordinal);
    last = Math.max(last, ordinal);
  }
  return { first, last };
}

const isInside = (index: number, { first, last }: Span): boolean => index >= first && index <= last;

/** Moves on to what is to be seen at `now`. The same object when nothing changes. */
export function advance(playing: Playing, now: number, span: Span): Playing {
  if (!playing.playing) return playing;
  const { first, last } = span;
  const each = 1000 / playing.framesPerSecond;
  const steps = Math.floor((now - playing.since) / each);
  if (steps <= 0) return playing;
  // Somebody may have sought to where nothing is to be played.
  const index = isInside(playing.index, span) ? playing.index + steps : first;
  const since = playing.since + steps * each;
  if (playing.loop) return { ...playing, index: first + ((index - first) % (last - first + 1)), since };
  if (index < last) return { ...playing, index, since };
  return { ...playing, index: last, playing: false, since };
}

/** Begins to play, or stops; at the end without a loop, and outside of the span, it begins anew. */
export function toggle(playing: Playing, now: number, span: Span): Playing {
  if (playing.playing) return { ...playing, playing: false };
  const isAtEnd = !playing.loop && playing.index >= span.last;
  const index = isAtEnd || !isInside(playing.index, span) ? span.first : playing.index;
  return { ...playing, playing: true, index, since: now };
}

/** Goes to one of `count` frames; playing goes on from there. */
export function seek(playing: Playing, now: number, index: number, count: number): Playing {
  return { ...playing, index: Math.max(0, Math.min(count - 1, index)), since: now };
}

/** Steps by so many frames and stops; around the ends when it loops. */
export function step(playing: Playing, now: number, by: number, count: number): Playing {
  const wanted = playing.index + by;
  const index = playing.loop && count > 0 ? ((wanted % count) + count) % count : wanted;
  return { ...seek(playing, now, index, count), playing: false };
}

/** The frames whose pictures are wanted next, nearest first, in the direction of play. */
export function ahead(index: number, span: Span, many: number, loop: boolean): number[] {
  const { first, last } = span;
  const from = isInside(index, span) ? index : first;
  const wanted: number[] = [];
  for (let by = 0; by < Math.min(many, last - first + 1); by++) {
    const next = from + by;
    if (next <= last) wanted.push(next);
    else if (loop) wanted.push(next - last - 1 + first);
  }
  return wanted;
}
