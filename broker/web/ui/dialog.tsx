// Asks before something is done: what is lost, and a way back.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { useStore } from "../store.ts";

interface DialogProps {
  title: string;
  /** The button that does it, such as `Cancel job`. */
  action: string;
  /** The way out, such as `Keep it`. */
  back?: string;
  isDangerous?: boolean;
  children?: ComponentChildren;
  /** Resolves to whether it was done; else the dialog stays. */
  onDo: () => Promise<boolean>;
  onClose: () => void;
}

/** A dialog over the page. Escape and the way out change nothing. */
export function Dialog(props: DialogProps) {
  const { title, action, back = "Back", isDangerous = false, children, onDo, onClose } = props;
  const place = useRef<HTMLDialogElement>(null);
  const { notes } = useStore();
  const [isBusy, setBusy] = useState(false);
  const [wrong, setWrong] = useState<string | null>(null);
  useLayoutEffect(() => {
    place.current?.showModal();
  }, []);
  return (
    <dialog ref={place} class="dialog" aria-label={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setBusy(true);
          setWrong(null);
          void onDo().then((isDone) => {
            if (isDone) return place.current?.close();
            setBusy(false);
            // The note of it lies behind this dialog, where it is neither seen nor read out.
            const last = notes.shown.at(-1);
            if (last?.kind !== "failed") return;
            notes.dismiss(last.id);
            setWrong(last.text);
          });
        }}
      >
        <h2>{title}</h2>
        <div class="dialog-body">{children}</div>
        {wrong !== null && (
          <p class="dialog-wrong" role="alert">
            {wrong}
          </p>
        )}
        <div class="dialog-buttons">
          <button type="button" class="button is-quiet" onClick={() => place.current?.close()}>
            {back}
          </button>
          <button
            type="submit"
            class={`button ${isDangerous ? "is-danger" : "is-primary"}`}
            disabled={isBusy}
          >
            {action}
          </button>
        </div>
      </form>
    </dialog>
  );
}
