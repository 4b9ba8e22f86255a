// Asks before something is done: what is lost, and a way back.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

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
  const [isBusy, setBusy] = useState(false);
  useLayoutEffect(() => {
    place.current?.showModal();
  }, []);
  return (
    <dialog ref={place} class="dialog" aria-label={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setBusy(true);
          void onDo().then((isDone) => (isDone ? place.current?.close() : setBusy(false)));
        }}
      >
        <h2>{title}</h2>
        <div class="dialog-body">{children}</div>
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
