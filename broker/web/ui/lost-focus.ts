// Buttons that go away with what they were for take the focus with them: it is put beside them.
import type { RefObject } from "preact";
import { useEffect, useRef } from "preact/hooks";

/** Puts a focus that was lost when `isThere` ended to `place`, which has a `tabIndex`. */
export function useLostFocus(place: RefObject<HTMLElement | null>, isThere: boolean): void {
  const wasThere = useRef(false);
  useEffect(() => {
    const { activeElement } = document;
    if (wasThere.current && !isThere && (activeElement === null || activeElement === document.body))
      place.current?.focus({ preventScroll: true });
    wasThere.current = isThere;
  }, [isThere]);
}
