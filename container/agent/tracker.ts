// Turns what an action says and how it ends into reports about each task of a lease.
import type { Lease, ReportItem } from "../../broker/contract/worker.ts";
import type { FailureClass } from "../../broker/contract/states.ts";
import { frameOfName } from "./frame-of-name.ts";
import type { LeaseLog } from "./lease-log.ts";
import type { MadeFile, Results } from "./results.ts";
import { classOf } from "./trouble.ts";
import type { ActionNews, ActionResult, FrameReport } from "./session/session.ts";

/** A driver that reports frame by frame has said so by now; else every task of the action counts as started. */
const FRAMES_EXPECTED_WITHIN_MS = 2000;
const MAX_REASON = 4000;
const UNREPORTED =
  "The command ended without a word about this frame, though it reported others. Read its log: tally logs";

export interface TaskProgress {
  ordinal: number;
  percent: number;
  status?: string;
}

export interface Tracker {
  /** Whether a frame was reported one by one. */
  readonly framesSeen: boolean;
  /** The action runs. `byFrame`: this step is known to report each frame, or known not to. */
  actionStarted(byFrame: boolean | undefined): void;
  news(news: ActionNews): void;
  /** The action ended by itself: closes every task that is still open. `cutShort`: it was asked to leave frames out. */
  actionEnded(result: ActionResult, cutShort: boolean): void;
  /** It did not come to the action: the first task fails, the others go back. */
  notStarted(reason: string, failureClass: FailureClass): void;
  /** Closes what is open, because somebody stopped it. */
  close(type: "canceled" | "released", reason?: string): void;
  /** Progress since the last call. */
  takeProgress(): TaskProgress[];
  /** Resolves when nothing is read from the session's folder any more: it may go. */
  gathered(): Promise<unknown>;
  /** Resolves when every report so far was handed on: files of succeeded frames are checked first. */
  settled(): Promise<void>;
}

interface Entry {
  ordinal: number;
  frame: number | undefined;
  state: "waiting" | "started" | "closed";
  since: number;
}

/** Follows the tasks of one lease; `report` gets the items in order. */
export function createTracker(
  lease: Lease,
  log: LeaseLog,
  results: Results,
  report: (...items: ReportItem[]) => void,
  onProgress: () => void,
): Tracker {
  const entries = lease.tasks.map<Entry>(({ ordinal }) => ({
    ordinal,
    frame: undefined,
    state: "waiting",
    since: performance.now(),
  }));
  const byFrame = new Map<number, Entry>();
  lease.tasks.forEach((task, index) => {
    const entry = entries[index];
    const value = lease.frameParameter === null ? undefined : task.parameters[lease.frameParameter]?.value;
    if (entry === undefined || value === undefined) return;
    entry.frame = Number(value);
    byFrame.set(entry.frame, entry);
  });
  const progress = new Map<number, TaskProgress>();
  let framesSeen = false;
  let timer: NodeJS.Timeout | undefined;
  let chain: Promise<void> = Promise.resolve();
  let chained = 0;
  let gathering: Promise<unknown> = Promise.resolve();

  const still = (...states: Entry["state"][]): Entry[] => entries.filter((it) => states.includes(it.state));

  /** In order, also behind files that are still being checked; at once when there are none. */
  function say(...items: ReportItem[]): void {
    if (items.length === 0) return;
    if (chained === 0) report(...items);
    else enqueue(() => Promise.resolve(items));
  }

  function enqueue(make: () => Promise<ReportItem[]>): void {
    chained += 1;
    chain = chain.then(async () => {
      // Only a lease that is over ends here without a word: the broker hears nothing about it any more.
      const items = await make().catch(() => []);
      chained -= 1;
      report(...items);
    });
  }

  /** Reads files from where the next task, or the end of the session, may change them. */
  function gather<T>(work: Promise<T>): Promise<T> {
    gathering = Promise.allSettled([gathering, work]);
    return work;
  }

  function start(list: Entry[]): void {
    const since = performance.now();
    for (const entry of list) Object.assign(entry, { state: "started", since });
    say(...list.map<ReportItem>(({ ordinal }) => ({ type: "started", ordinal, logOffset: log.offset })));
  }

  const secondsOf = (entry: Entry): number => (performance.now() - entry.since) / 1000;

  function shut(entry: Entry): { ordinal: number; logOffset: number } {
    entry.state = "closed";
    progress.delete(entry.ordinal);
    return { ordinal: entry.ordinal, logOffset: log.offset };
  }

  type Failed = ReportItem & { type: "failed" };
  function failure(
    entry: Entry,
    reason: string,
    failureClass: FailureClass,
    exitCode?: number | null,
  ): Failed {
    const seconds = secondsOf(entry);
    return {
      type: "failed",
      ...shut(entry),
      seconds,
      ...(typeof exitCode === "number" && { exitCode }),
      failureClass,
      reason: reason.slice(0, MAX_REASON),
      files: [],
    };
  }

  function failedBy(item: ReportItem & { type: "succeeded" }, error: unknown): Failed {
    const { ordinal, logOffset, seconds } = item;
    const reason = (error as Error).message.slice(0, MAX_REASON);
    const failureClass = classOf(error, "task");
    return { type: "failed", ordinal, logOffset, seconds, failureClass, reason, files: [] };
  }

  /** The verdict once its files are ready; what is wrong with them is a failure of the frame. */
  async function verdict(
    item: ReportItem & { type: "succeeded" },
    files: MadeFile[] | Promise<MadeFile[]>,
    look?: string,
  ): Promise<ReportItem> {
    try {
      return { ...item, files: await results.settle(await files, { ordinal: item.ordinal, look }) };
    } catch (error) {
      if (results.over) throw error;
      return failedBy(item, error);
    }
  }

  /** Tells how several tasks ended together, each with what it wrote: by the frame in a file's name, else the first. */
  function sayWithOutputs(
    closed: { entry: Entry; item: ReportItem & { type: "succeeded" | "failed" | "canceled" } }[],
  ): void {
    const [first] = closed;
    if (first === undefined) return;
    if (!results.collects) return say(...closed.map(({ item }) => item));
    const frames = closed.map(({ entry }) => entry.frame ?? Number.NaN);
    const collected = gather(results.collect());
    enqueue(async () => {
      const shares = closed.map((): MadeFile[] => []);
      let trouble: { error: unknown } | undefined;
      try {
        for (const file of await collected) shares[frameOfName(file.name, frames) ?? 0]?.push(file);
      } catch (error) {
        trouble = { error };
      }
      const items: ReportItem[] = [];
      for (const [index, { item }] of closed.entries()) {
        const files = shares[index] ?? [];
        if (item.type !== "succeeded")
          items.push({ ...item, files: await results.settlePartial(files, item) });
        else items.push(trouble ? failedBy(item, trouble.error) : await verdict(item, files));
      }
      // What was said about the files belongs to the tasks' logs too; nothing else speaks now.
      return items.map((item) => ({ ...item, logOffset: log.offset }));
    });
  }

  function frame(it: FrameReport): void {
    clearTimeout(timer);
    // A step without a frame number may report its only task under any number.
    const entry =
      byFrame.get(it.frame) ?? (byFrame.size === 0 && entries.length === 1 ? entries[0] : undefined);
    framesSeen = true;
    // It is given back when the action ends, if that was told to leave frames out; else it fails.
    if (it.state === "released") return;
    if (entry === undefined || entry.state === "closed") return;
    if (entry.state === "waiting") start([entry]);
    else if (it.state === "started") entry.since = performance.now();
    if (it.state === "progress" && it.progress !== undefined) note(entry, it.progress * 100, it.status);
    if (it.state === "failed") {
      const reason = it.reason ?? "The frame failed, and its renderer did not say why. Read its log.";
      const item = failure(entry, reason, "task");
      if (it.files.length === 0) say(item);
      else {
        const files = gather(results.lift(it.files)).catch(() => []);
        enqueue(async () => [{ ...item, files: await results.settlePartial(await files, item) }]);
      }
    }
    if (it.state === "succeeded") {
      const seconds = it.seconds ?? secondsOf(entry);
      const at = shut(entry);
      const files = gather(results.lift(it.files));
      enqueue(async () => [
        await verdict(
          { type: "succeeded", ...at, seconds, files: [], ...(it.device && { device: it.device }) },
          files,
          it.look,
        ),
      ]);
    }
  }

  function note(entry: Entry, percent: number, status?: string): void {
    progress.set(entry.ordinal, { ordinal: entry.ordinal, percent, ...(status !== undefined && { status }) });
    onProgress();
  }

  return {
    get framesSeen() {
      return framesSeen;
    },
    actionStarted(known) {
      if (entries.length === 1 || known === false) start(still("waiting"));
      else if (known === undefined) {
        timer = setTimeout(() => {
          if (!framesSeen) start(still("waiting"));
        }, FRAMES_EXPECTED_WITHIN_MS);
      }
    },
    news(it) {
      if (it.kind === "frame") return frame(it.report);
      // Before the action runs it is its files that there is something to say about.
      const entry = still("started")[0] ?? (it.kind === "status" ? still("waiting")[0] : undefined);
      if (entry === undefined) return;
      const before = progress.get(entry.ordinal);
      if (it.kind === "progress") note(entry, it.percent, before?.status);
      else note(entry, before?.percent ?? 0, it.text.slice(0, 1000));
    },
    actionEnded(result, cutShort) {
      clearTimeout(timer);
      const open = still("waiting", "started");
      if (result.state === "succeeded") {
        if (framesSeen && cutShort) return this.close("released");
        // Given back, they would be left out again for ever.
        if (framesSeen) return say(...open.map((entry) => failure(entry, UNREPORTED, "task", 0)));
        // One action did all of them together: each gets its share of the time.
        const seconds = result.seconds / Math.max(1, open.length);
        return sayWithOutputs(
          open.map((entry) => ({
            entry,
            item: { type: "succeeded", ...shut(entry), seconds, exitCode: 0, files: [] },
          })),
        );
      }
      if (result.state === "canceled") return this.close("canceled");
      const reason = result.reason ?? "The command failed.";
      // Without frame reports the action did all of them, and all failed. With them it is the one in work, or, when
      // it died between two, the next: somebody must use up a try, or it would go on for ever.
      const started = still("started");
      const blamed = framesSeen ? (started.length > 0 ? started : open.slice(0, 1)) : open;
      const items = blamed.map((entry) => ({ entry, item: failure(entry, reason, "task", result.exitCode) }));
      if (framesSeen) say(...items.map(({ item }) => item));
      else sayWithOutputs(items);
      this.close("released");
    },
    notStarted(reason, failureClass) {
      const [first] = still("waiting", "started");
      if (first !== undefined) say(failure(first, reason, failureClass));
      this.close("released");
    },
    close(type, reason) {
      clearTimeout(timer);
      const open = still("waiting", "started");
      if (type === "canceled") {
        const started = open.filter((entry) => entry.state === "started");
        const items = open.map((entry) => ({ entry, item: { type, ...shut(entry), files: [] } }));
        if (framesSeen || started.length === 0) say(...items.map(({ item }) => item));
        else sayWithOutputs(items);
        return;
      }
      say(
        ...open.map<ReportItem>((entry) => ({
          type,
          ...shut(entry),
          ...(reason !== undefined && { reason: reason.slice(0, MAX_REASON) }),
        })),
      );
    },
    takeProgress() {
      const all = [...progress.values()].slice(0, 100);
      progress.clear();
      return all;
    },
    gathered: () => gathering,
    settled: () => chain,
  };
}
