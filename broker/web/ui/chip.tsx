// A state: its shape and its word.
import type { Mark } from "../words.ts";

/** The shape alone; the word must stand beside it. */
export function StateMark({ mark }: { mark: Mark }) {
  return <span class={`mark is-${mark}`} aria-hidden="true" />;
}

/** Shape and word. */
export function Chip({ word, mark }: { word: string; mark: Mark }) {
  return (
    <span class={`chip is-${mark}`}>
      <StateMark mark={mark} />
      {word}
    </span>
  );
}
