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

/** Moves on to what is to be seen at `now`, of `count` frames. The same object when nothing changes. */
export function advance(playing: Playing, now: number, count: number): Playing {
  if (!playing.playing || count === 0) return playing;
  const each = 1000 / playing.framesPerSecond;
  const steps = Math.floor((now - playing.since) / each);
  if (steps <= 0) return playing;
  const index = playing.index + steps;
  const since = playing.since + steps * each;
  if (playing.loop) return { ...playing, index: index % count, since };
  if (index < count - 1) return { ...playing, index, since };
  return { ...playing, index: count - 1, playing: false, since };
}

/** Begins to play, or stops; at the end without a loop it begins anew. */
export function toggle(playing: Playing, now: number, count: number): Playing {
  if (playing.playing) return { ...playing, playing: false };
  const isAtEnd = !playing.loop && playing.index >= count - 1;
  return { ...playing, playing: count > 0, index: isAtEnd ? 0 : playing.index, since: now };
}

/** Goes to one frame; playing goes on from there. */
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
export function ahead(index: number, count: number, many: number, loop: boolean): number[] {
  const wanted: number[] = [];
  for (let by = 0; by < Math.min(many, count); by++) {
    const next = index + by;
    if (next < count) wanted.push(next);
    else if (loop) wanted.push(next - count);
  }
  return wanted;
}
