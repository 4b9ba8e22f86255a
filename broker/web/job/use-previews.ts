// Small pictures of a job come some time after their frames: how many came while a view is shown.
import { useEffect, useState } from "preact/hooks";
import type { Live } from "../live.ts";

/** A number that grows whenever the feed tells of previews. */
export function usePreviews(live: Live): number {
  const [count, setCount] = useState(0);
  useEffect(
    () =>
      live.listen((messages) => {
        const events = messages.flatMap((message) => (message.type === "events" ? message.events : []));
        if (events.some(({ kind }) => kind === "artifact.previewed")) setCount((n) => n + 1);
      }),
    [live],
  );
  return count;
}
