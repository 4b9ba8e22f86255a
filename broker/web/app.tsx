// The frame around every view: head, way around, connection, notes; and which view is shown.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { useMe } from "./me.ts";
import { Link, useRoute, type Route } from "./router.tsx";
import { stateOf, useLive } from "./live.ts";
import { useStore } from "./store.ts";
import { useFavicon } from "./favicon.ts";
import { NotesPlace } from "./ui/notes.tsx";
import { ThemeButton } from "./ui/theme-button.tsx";
import { NotifyButton } from "./ui/notify-button.tsx";
import { useNotices } from "./notices.ts";
import { View } from "./views.tsx";

const places = [
  { to: "/", label: "Jobs", views: ["jobs", "job", "frame"] },
  { to: "/workers", label: "Workers", views: ["workers"] },
  { to: "/system", label: "System", views: ["system"] },
] as const;

/** The whole page. */
export function App() {
  const { path, route } = useRoute();
  const view = useRef<HTMLElement>(null);
  const before = useRef(path);
  const { live } = useStore();
  const me = useMe();
  useLive(live, 250);
  const state = stateOf(live);
  useFavicon(route);
  useNotices();
  // Before the view itself, which may know more.
  useLayoutEffect(() => {
    document.title = `${titleOf(route)} – Tally`;
  }, [route.view]);
  useEffect(() => {
    // What was pressed went with the view before: the next key, and whoever reads aloud, begin at this one.
    const { activeElement } = document;
    if (path !== before.current && (activeElement === null || activeElement === document.body))
      view.current?.focus({ preventScroll: true });
    before.current = path;
  }, [path]);
  const running = [...live.client.store.jobs.values()].filter((job) => job.state === "running").length;
  return (
    <div class={state === "away" || state === "refused" ? "shell is-away" : "shell"}>
      <a class="button skip" href="#view">
        Skip to the content
      </a>
      <header class="head">
        <div class="head-in">
          <Link to="/" class="brand" aria-label="Tally">
            <span class={`brand-light is-${state}`} aria-hidden="true" />
            <span class="brand-name">Tally</span>
          </Link>
          <nav class="nav" aria-label="Views">
            {places.map(({ to, label, views }) => (
              <Link
                key={to}
                to={to}
                aria-current={(views as readonly string[]).includes(route.view) ? "page" : undefined}
              >
                {label}
                {to === "/" && running > 0 && (
                  <span class="count" aria-label={`${running} running`}>
                    {running}
                  </span>
                )}
              </Link>
            ))}
          </nav>
          <div class="head-tools">
            <NotifyButton />
            <ThemeButton />
            {me.may("submitJob") && (
              <Link to="/submit" class="button" aria-current={route.view === "submit" ? "page" : undefined}>
                Submit
              </Link>
            )}
            {me.role === "viewer" && (
              <span class="only-looking" title="Your token shows everything and changes nothing.">
                For looking only
              </span>
            )}
          </div>
        </div>
      </header>
      <Banner />
      <main class="view" id="view" ref={view} tabIndex={-1}>
        <View route={route} />
      </main>
      <NotesPlace />
    </div>
  );
}

function titleOf(route: Route): string {
  if ("job" in route) return `Job ${route.job}`;
  const titles = {
    jobs: "Jobs",
    workers: "Workers",
    system: "System",
    submit: "Submit",
    unknown: "Not found",
  };
  return titles[route.view];
}

/** Says that what is shown may be old, and why. */
function Banner() {
  const { live } = useStore();
  const state = stateOf(live);
  if (state === "refused")
    return (
      <div class="banner" role="alert">
        <b>This page is locked.</b>
        <span>
          Open it with <a href="/login">your token</a>, or with its one-time address: type{" "}
          <code>tally page</code>.
        </span>
      </div>
    );
  if (state !== "away") return null;
  return (
    <div class="banner" role="alert">
      <b>The broker does not answer.</b>
      <span>What you see is from before. The page comes back by itself, nothing is lost.</span>
      <button type="button" class="button is-small" onClick={() => live.client.hurry()}>
        Try now
      </button>
    </div>
  );
}
