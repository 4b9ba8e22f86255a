// A button that opens a list of things to do.
import type { ComponentChildren } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

export interface MenuItem {
  label: string;
  isDangerous?: boolean;
  isDisabled?: boolean;
  onChoose: () => void;
}

interface MenuProps {
  label: string;
  /** What the button shows; its label is read out. */
  children: ComponentChildren;
  items: readonly MenuItem[];
  class?: string;
}

/** So far from the edge of the window at least, px. */
const edge = 8;

/** Opens on click; arrows move, Escape closes and gives the focus back. */
export function Menu({ label, children, items, class: name = "button" }: MenuProps) {
  const [isOpen, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const list = useRef<HTMLDivElement>(null);

  // Before anybody can press another key.
  useLayoutEffect(() => {
    if (!isOpen) return undefined;
    // It opens to the left, where there is room: on a phone the button may stand at the left edge.
    const from = list.current?.getBoundingClientRect().left ?? 0;
    if (from < edge) list.current?.style.setProperty("right", `${from - edge}px`);
    place.current?.querySelector<HTMLButtonElement>("[role=menuitem]:not(:disabled)")?.focus();
    const away = (event: Event) => {
      if (!place.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", away);
    document.addEventListener("focusin", away);
    return () => {
      document.removeEventListener("pointerdown", away);
      document.removeEventListener("focusin", away);
    };
  }, [isOpen]);

  function move(by: 1 | -1): void {
    const all = [
      ...(place.current?.querySelectorAll<HTMLButtonElement>("[role=menuitem]:not(:disabled)") ?? []),
    ];
    const at = all.indexOf(document.activeElement as HTMLButtonElement);
    all[(at + by + all.length) % all.length]?.focus();
  }

  return (
    <div
      class="menu"
      ref={place}
      onKeyDown={(event) => {
        if (!isOpen) return;
        if (event.key === "Escape") {
          setOpen(false);
          button.current?.focus();
        } else if (event.key === "ArrowDown") move(1);
        else if (event.key === "ArrowUp") move(-1);
        else return;
        event.preventDefault();
      }}
    >
      <button
        type="button"
        ref={button}
        class={name}
        aria-label={label}
        aria-haspopup="menu"
        aria-expanded={isOpen}
        onClick={() => setOpen(!isOpen)}
      >
        {children}
      </button>
      {isOpen && (
        <div ref={list} class="menu-list" role="menu" aria-label={label}>
          {items.map((item) => (
            <button
              key={item.label}
              type="button"
              role="menuitem"
              class={item.isDangerous === true ? "menu-item is-danger" : "menu-item"}
              disabled={item.isDisabled === true}
              onClick={() => {
                setOpen(false);
                button.current?.focus();
                item.onChoose();
              }}
            >
              {item.label}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
