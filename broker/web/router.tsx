// Addresses of the page: which view each means, and links that change it without loading anew.
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";

export type Route =
  | { view: "jobs" }
  | { view: "job"; job: number }
  | { view: "frame"; job: number; step: string; ordinal: number }
  | { view: "play"; job: number }
  | { view: "workers" }
  | { view: "system" }
  | { view: "submit" }
  | { view: "unknown" };

/** Which view an address means. */
export function routeOf(path: string): Route {
  const [first = "", second, third, fourth, more] = path.replace(/\/+$/, "").split("/").slice(1);
  if (first === "" || (first === "jobs" && second === undefined)) return { view: "jobs" };
  if (second === undefined && (first === "workers" || first === "system" || first === "submit"))
    return { view: first };
  if (first === "jobs" && second !== undefined && /^[1-9]\d{0,14}$/.test(second)) {
    const job = Number(second);
    if (third === undefined) return { view: "job", job };
    if (third === "play" && fourth === undefined) return { view: "play", job };
    const step = decoded(third);
    if (step !== null && fourth !== undefined && /^\d{1,9}$/.test(fourth) && more === undefined)
      return { view: "frame", job, step, ordinal: Number(fourth) };
  }
  return { view: "unknown" };
}

function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}

/** The address of a job. */
export const jobPath = (job: number): string => `/jobs/${job}`;

/** The address of one frame. */
export const framePath = (job: number, step: string, ordinal: number): string =>
  `/jobs/${job}/${encodeURIComponent(step)}/${ordinal}`;

/** The address of a job's flip-book. */
export const playPath = (job: number): string => `/jobs/${job}/play`;

/** Goes to another address of the page. */
export function navigate(path: string, how: "push" | "replace" = "push"): void {
  if (how === "push") history.pushState(null, "", path);
  else history.replaceState(null, "", path);
  dispatchEvent(new PopStateEvent("popstate"));
  if (how === "push") scrollTo(0, 0);
}

/** Where the page is now, as path and as view. */
export function useRoute(): { path: string; route: Route } {
  const [path, setPath] = useState(location.pathname);
  useEffect(() => {
    const look = () => setPath(location.pathname);
    addEventListener("popstate", look);
    return () => removeEventListener("popstate", look);
  }, []);
  return { path, route: routeOf(path) };
}

interface LinkProps {
  to: string;
  class?: string;
  title?: string;
  "aria-label"?: string | undefined;
  "aria-current"?: "page" | undefined;
  onFocus?: () => void;
  children?: ComponentChildren;
}

/** A link to another view. Opening it in another tab works as everywhere. */
export function Link({ to, children, ...more }: LinkProps) {
  return (
    <a
      {...more}
      href={to}
      onClick={(event) => {
        if (event.button !== 0) return;
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        navigate(to);
      }}
    >
      {children}
    </a>
  );
}
