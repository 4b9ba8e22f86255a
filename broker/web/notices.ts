// Browser notices: a job ended, frames fail, nothing moves any more. Only where somebody asked for them.
import { useEffect } from "preact/hooks";
import type { Job } from "../contract/job.ts";
import { navigate, jobPath } from "./router.tsx";
import { useStore } from "./store.ts";
import { counted } from "./words.ts";

const key = "tally-notices";
/** A job that is under way and of which nothing was heard for so long has stalled, ms. */
export const stallMs = 10 * 60_000;
const lookEveryMs = 15_000;

/** What is remembered of a job from one look to the next. */
export interface Seen {
  state: Job["state"];
  failed: number;
  /** What changes whenever something happens to it. */
  sum: string;
  /** When that changed last, ms. */
  changedAt: number;
  toldStall: boolean;
}

export interface Notice {
  job: number;
  title: string;
  body: string;
}

/** Looks at the jobs and says what is news since the last look. `seen` is brought up to date. Jobs seen first are no news. */
export function newsOf(seen: Map<number, Seen>, jobs: Iterable<Job>, now: number): Notice[] {
  const news: Notice[] = [];
  for (const job of jobs) {
    const sum = `${job.state} ${Object.values(job.counts).join(" ")}`;
    const before = seen.get(job.number);
    const next: Seen = {
      state: job.state,
      failed: job.counts.failed,
      sum,
      changedAt: before?.sum === sum ? before.changedAt : now,
      toldStall: before?.sum === sum && before.toldStall,
    };
    seen.set(job.number, next);
    if (!before) continue;
    const of = (body: string, title: string) => news.push({ job: job.number, title, body });
    const done = `${job.counts.succeeded} of ${counted(job.taskCount, "frame")} done.`;
    if (job.state !== before.state && job.state === "succeeded") of(done, `${job.name} is done`);
    else if (job.state !== before.state && job.state === "failed")
      of(job.intentReason ?? done, `${job.name} failed`);
    else if (job.endedAt === null && before.failed === 0 && job.counts.failed > 0)
      of(`${done} The rest goes on.`, `${job.name}: a frame failed`);
    else if (job.state === "running" && !next.toldStall && now - next.changedAt >= stallMs) {
      next.toldStall = true;
      of(`No frame of it finished for ${Math.round(stallMs / 60_000)} minutes.`, `${job.name} does not move`);
    }
  }
  return news;
}

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
    const seen = new Map<number, Seen>();
    const look = () => {
      if (live.client.state !== "live") return;
      for (const { job, title, body } of newsOf(seen, live.client.store.jobs.values(), Date.now())) {
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
    const stop = live.listen(() => {
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
