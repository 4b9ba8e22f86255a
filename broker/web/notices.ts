// Browser notices: a job ended, frames fail, nothing moves any more. Only where somebody asked for them.
import { useEffect } from "preact/hooks";
import { brokerClock } from "../contract/broker-clock.ts";
import { createNews } from "./news.ts";
import { navigate, jobPath } from "./router.tsx";
import { useStore } from "./store.ts";

const key = "tally-notices";
const lookEveryMs = 15_000;

/** Undefined until it is known. */
let canGive: boolean | undefined;

/** Whether a page can give notices here: browsers of phones know them, but let no page make one. */
export function areNoticesPossible(): boolean {
  if (!("Notification" in window)) return false;
  // Before it is allowed, making one shows nothing.
  if (canGive === undefined && Notification.permission !== "granted") canGive = give("") !== null;
  return canGive !== false;
}

/** Null where that is not possible. */
function give(title: string, options: NotificationOptions = {}): Notification | null {
  try {
    return new Notification(title, options);
  } catch {
    canGive = false;
    return null;
  }
}

/** Whether somebody asked for notices here, and the browser lets them through. */
export function areNoticesOn(): boolean {
  try {
    return (
      areNoticesPossible() && Notification.permission === "granted" && localStorage.getItem(key) === "on"
    );
  } catch {
    return false;
  }
}

/** Turns notices on or off; asks the browser's leave where that is needed. Resolves to whether they are on. */
export async function setNotices(on: boolean): Promise<boolean> {
  if (!areNoticesPossible()) return false;
  const isAllowed = on && (await Notification.requestPermission()) === "granted";
  try {
    localStorage.setItem(key, isAllowed ? "on" : "off");
  } catch {
    return false;
  }
  return isAllowed;
}

/** Gives notices as long as the page is open. */
export function useNotices(): void {
  const { live } = useStore();
  useEffect(() => {
    let news = createNews();
    const look = () => {
      if (live.client.state !== "live") return;
      const { jobs, workers } = live.client.store;
      for (const { job, title, body } of news.look(jobs.values(), workers.values(), brokerClock.now())) {
        if (!areNoticesOn()) continue;
        const notice = give(title, { body, tag: `tally-${job}` });
        notice?.addEventListener("click", () => {
          window.focus();
          navigate(jobPath(job));
        });
      }
    };
    // What the feed says comes many times a second; notices need not.
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = live.listen((messages) => {
      // Jobs of another history are no news.
      if (messages.some(({ type }) => type === "reset")) news = createNews();
      timer ??= setTimeout(() => {
        timer = undefined;
        look();
      }, 300);
    });
    const watch = setInterval(look, lookEveryMs);
    return () => {
      stop();
      clearTimeout(timer);
      clearInterval(watch);
    };
  }, [live]);
}
