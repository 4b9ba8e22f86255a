// Browser notices: a job ended, frames fail, nothing moves any more. Only where somebody asked for them.
import { useEffect } from "preact/hooks";
import { createNews } from "./news.ts";
import { navigate, jobPath } from "./router.tsx";
import { useStore } from "./store.ts";

const key = "tally-notices";
const lookEveryMs = 15_000;

/** Whether somebody asked for notices here, and the browser lets them through. */
export function areNoticesOn(): boolean {
  try {
    return (
      "Notification" in window && Notification.permission === "granted" && localStorage.getItem(key) === "on"
    );
  } catch {
    return false;
  }
}

/** Turns notices on or off; asks the browser's leave where that is needed. Resolves to whether they are on. */
export async function setNotices(on: boolean): Promise<boolean> {
  if (!("Notification" in window)) return false;
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
      for (const { job, title, body } of news.look(jobs.values(), workers.values(), Date.now())) {
        if (!areNoticesOn()) continue;
        const notice = new Notification(title, { body, tag: `tally-${job}` });
        notice.addEventListener("click", () => {
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
