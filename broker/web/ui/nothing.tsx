// What a view shows instead of its content: nothing yet, on its way, or it went wrong and what to do.
import type { ComponentChildren } from "preact";
import { sentenceOf } from "../api.ts";

interface NothingProps {
  title: string;
  isLoading?: boolean;
  children?: ComponentChildren;
}

/** A quiet picture of lights, a title, and a sentence. */
export function Nothing({ title, isLoading = false, children }: NothingProps) {
  return (
    <div class={isLoading ? "nothing is-loading" : "nothing"} role={isLoading ? "status" : undefined}>
      <div class="lights" aria-hidden="true">
        {Array.from({ length: 12 }, (_, n) => (
          <i key={n} style={{ "--n": String(n) }} />
        ))}
      </div>
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** Why something did not come, with a button to try again. */
export function Trouble({ error, onAgain }: { error: unknown; onAgain: () => void }) {
  return (
    <Nothing title="This did not come">
      <p role="alert">{sentenceOf(error)}</p>
      <button type="button" class="button" onClick={onAgain}>
        Try again
      </button>
    </Nothing>
  );
}
