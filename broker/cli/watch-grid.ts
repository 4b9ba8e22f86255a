// What watching shows on a terminal: the job as lights at the bottom, failures and remarks above them.
import { brokerClock } from "../contract/broker-clock.ts";
import type { FeedStore } from "../contract/feed-store.ts";
import { createTimings, type Timings } from "../contract/timings.ts";
import type { Asking } from "./asking.ts";
import { asBegun, workOf } from "./begun.ts";
import { isThisMachine } from "./connect.ts";
import type { FollowedJob } from "./follow.ts";
import { drawBlock } from "./grid/block.ts";
import { createInPlace, type Screen } from "./grid/in-place.ts";
import type { Look } from "./grid/text.ts";
import { readTimes } from "./job-reads.ts";
import { failedLines, isHeld } from "./job-words.ts";
import { wantsColour } from "./style.ts";
import { awayText, backText, createRemarks, gapText, type ClosingListener } from "./watch-lines.ts";
import { watchOutput } from "./write.ts";

/** Without news the times are drawn anew so often, ms. */
const beatMs = 1000;

/** A live block at the bottom of a terminal. */
export function createGridListener(
  broker: Asking,
  screen: Screen = ownScreen,
  look: Look = lookOf(),
): ClosingListener {
  let job: FollowedJob | undefined;
  let store: FeedStore | undefined;
  let timings: Timings | undefined;
  let newest: string | null = null;
  let isAway = false;
  let isFinal = false;
  const block = createInPlace(screen, (size) => {
    if (job === undefined || store === undefined || timings === undefined) return [];
    const workers = [...store.workers.values()].filter((one) => one.jobNumber === job?.number);
    const view = {
      ...asBegun(job, store),
      timings,
      machines: workers.length,
      isHeld: isHeld({ state: job.state }, workers),
      work: workOf(job, store, timings, workers, isThisMachine(broker.client)),
      newest,
      isAway,
      isFinal,
      now: brokerClock.now(),
    };
    return drawBlock(view, size, look);
  });
  const remark = createRemarks(broker, (text) => block.above(text));
  const beat = setInterval(() => {
    timings?.renew();
    block.change();
  }, beatMs).unref();

  function beginTimes(number: number, into: Timings): void {
    const change = () => {
      into.renew();
      block.change();
    };
    // Without them the times are less sure; the means of the steps come with the job itself.
    broker.ask((client) => readTimes(client, number, into, change)).catch(() => undefined);
  }

  return {
    topics: ["workers"],
    message(message, now) {
      store = now;
      timings?.hear([message]);
      block.change();
    },
    job(now) {
      job = now;
      if (timings === undefined) {
        timings = createTimings(now.number);
        beginTimes(now.number, timings);
      }
      block.change();
      remark.about(now);
    },
    finished(done) {
      newest = done.file ?? newest;
      block.change();
    },
    failed(failed) {
      if (job !== undefined) block.above(failedLines(job, failed));
    },
    away(url, why) {
      isAway = true;
      block.above(awayText(url, why));
    },
    back() {
      isAway = false;
      block.above(backText);
    },
    gap(gap, lost, now) {
      timings?.clear();
      if (timings) beginTimes(now.number, timings);
      block.above(gapText(gap, lost));
    },
    close() {
      clearInterval(beat);
      remark.close();
      timings?.renew();
      isFinal = true;
      block.close();
    },
  };
}

const ownScreen: Screen = {
  write(text) {
    watchOutput();
    process.stdout.write(text);
  },
  size: () => ({ columns: process.stdout.columns || 80, rows: process.stdout.rows || 24 }),
  onResize(listener) {
    process.stdout.on("resize", listener);
    return () => void process.stdout.off("resize", listener);
  },
};

/** What this terminal can show, as its environment says. */
export function lookOf(env: NodeJS.ProcessEnv = process.env, platform = process.platform): Look {
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  // Windows writes to its terminals in Unicode, whatever the locale.
  return { colour: wantsColour(env, true), unicode: platform === "win32" || /utf-?8/i.test(locale) };
}
