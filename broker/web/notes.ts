// Short notes at the edge of the page: what was done, or why it could not be.

export interface Note {
  id: number;
  text: string;
  kind: "done" | "failed";
  /** What it is about; a newer note about the same replaces it. */
  about: string | undefined;
}

export interface Notes {
  readonly shown: readonly Note[];
  /** `about` is what it tells of, such as `pool farm`: what was said of that before is not true any more. */
  say(text: string, kind?: Note["kind"], about?: string): void;
  dismiss(id: number): void;
  listen(listener: () => void): () => void;
}

/** So long a note of something done stays, ms. What failed stays until it is dismissed. */
const shownMs = 5000;
const most = 3;

/** No notes yet. */
export function createNotes(): Notes {
  const listeners = new Set<() => void>();
  let shown: readonly Note[] = [];
  let last = 0;
  function set(next: readonly Note[]): void {
    shown = next;
    for (const listener of listeners) listener();
  }
  const dismiss = (id: number) => set(shown.filter((one) => one.id !== id));
  return {
    get shown() {
      return shown;
    },
    say(text, kind = "done", about) {
      const id = ++last;
      const isOld = (one: Note) => one.text === text || (about !== undefined && one.about === about);
      set([...shown.filter((one) => !isOld(one)), { id, text, kind, about }].slice(-most));
      if (kind === "done") setTimeout(() => dismiss(id), shownMs);
    },
    dismiss,
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
