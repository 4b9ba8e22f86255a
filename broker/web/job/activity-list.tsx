// What happened to a job, newest first: read once, then told by the feed.
import { useEffect, useRef, useState } from "preact/hooks";
import type { Event } from "../../contract/attempt.ts";
import { ProblemError } from "../../contract/client.ts";
import type { Api } from "../api.ts";
import type { Live } from "../live.ts";
import { framePath, Link } from "../router.tsx";
import { useStore } from "../store.ts";
import { StateMark } from "../ui/chip.tsx";
import { Icon } from "../ui/icon.tsx";
import { Moment } from "../ui/time.tsx";
import { addToActivity, type Entry } from "./activity.ts";
import type { Names } from "./names.ts";

interface ActivityProps {
  job: number;
  live: Live;
  names: Names;
}

const shownAtFirst = 12;
/** Rows of history that are looked through from the newest back, more each time until enough is found. */
const windows = [2000, 20_000, 200_000];
const enough = 60;
const drawEveryMs = 400;

/** The list; give it a `key` by history. */
export function Activity({ job, live, names }: ActivityProps) {
  const { api } = useStore();
  const [entries, setEntries] = useState<readonly Entry[]>([]);
  const [isWhole, setWhole] = useState(false);
  const known = useRef(names);
  known.current = names;

  useEffect(() => {
    const stop = new AbortController();
    let told: readonly Entry[] = [];
    let waiting: Event[] = [];
    let isRead = false;
    let isShown = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const show = () => {
      timer = undefined;
      if (!isShown) return;
      told = addToActivity(told, waiting, known.current);
      waiting = [];
      setEntries(told);
    };
    const read = () => {
      isRead = true;
      newest(api, job, stop.signal).then(
        (events) => {
          waiting = [...events, ...waiting];
          isShown = true;
          show();
        },
        // Asked again once the broker is back.
        () => (isRead = false),
      );
    };
    const deaf = live.listen((messages) => {
      for (const message of messages)
        if (message.type === "events")
          waiting.push(...message.events.filter((event) => event.jobNumber === job));
      if (!isRead && live.client.state === "live") read();
      if (waiting.length > 0) timer ??= setTimeout(show, drawEveryMs);
    });
    read();
    return () => {
      stop.abort();
      deaf();
      clearTimeout(timer);
    };
  }, [api, job, live]);

  if (entries.length === 0) return null;
  const shown = isWhole ? entries : entries.slice(0, shownAtFirst);
  return (
    <section class="panel" aria-label="Activity">
      <div class="panel-head">
        <h2>Activity</h2>
      </div>
      <ol class="activity">
        {shown.map(({ cursor, at, mark, text, detail, frame, kind, of }) => (
          <li key={cursor}>
            {mark === "again" ? <Icon name="again" /> : <StateMark mark={mark} />}
            <div>
              {frame !== null && of?.count === 1 && (kind === "failed" || kind === "again") ? (
                <Link to={framePath(job, frame.step, frame.ordinal)} class="activity-link">
                  {text}
                </Link>
              ) : (
                <span>{text}</span>
              )}
              {detail !== null && <small>{detail}</small>}
            </div>
            <span class="faint">
              <Moment at={at} />
            </span>
          </li>
        ))}
      </ol>
      {entries.length > shown.length && (
        <button type="button" class="button is-small is-quiet" onClick={() => setWhole(true)}>
          Show {entries.length - shown.length} more
        </button>
      )}
    </section>
  );
}

/** The newest events of a job, oldest first. Looks back over more and more of the history until there are enough. */
async function newest(api: Api, job: number, signal: AbortSignal): Promise<Event[]> {
  const { cursor, oldest } = await api.listEvents({}, signal);
  let found: Event[] = [];
  for (const window of windows) {
    const from = Math.max(oldest, cursor - window);
    try {
      // oxlint-disable-next-line no-await-in-loop -- each only where the one before was not enough
      found = await from1000(api, job, from, signal);
    } catch (error) {
      // Forgotten since then: what was found before is all.
      if (error instanceof ProblemError && error.code === "cursor-expired") return found;
      throw error;
    }
    if (from === oldest || found.length >= enough) break;
  }
  return found;
}

/** The last thousand or so behind a place. */
async function from1000(api: Api, job: number, after: number, signal: AbortSignal): Promise<Event[]> {
  let kept: Event[] = [];
  for (let at = after; ;) {
    // oxlint-disable-next-line no-await-in-loop -- page after page
    const page = await api.listEvents({ job, after: at, limit: 1000 }, signal);
    kept = [...kept.slice(-1000), ...page.events];
    if (page.events.length < 1000) return kept;
    at = page.cursor;
  }
}
