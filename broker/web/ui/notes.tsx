// The short notes at the edge of the page.
import { useEffect, useState } from "preact/hooks";
import { useStore } from "../store.ts";
import { StateMark } from "./chip.tsx";
import { Icon } from "./icon.tsx";

/** All notes that are shown now. */
export function NotesPlace() {
  const { notes } = useStore();
  const [, draw] = useState(0);
  useEffect(() => notes.listen(() => draw((n) => n + 1)), [notes]);
  return (
    <div class="notes" role="status" aria-live="polite">
      {notes.shown.map(({ id, text, kind }) => (
        <div key={id} class={`note is-${kind}`}>
          <StateMark mark={kind} />
          <p>{text}</p>
          <button
            type="button"
            class="button is-quiet is-icon is-small"
            aria-label="Dismiss this note"
            onClick={() => notes.dismiss(id)}
          >
            <Icon name="cross" />
          </button>
        </div>
      ))}
    </div>
  );
}
