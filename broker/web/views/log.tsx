// The log of one try: follows it live, searches it whole, and draws only the lines that are seen.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { classesOf, lastDrawn, runsOf } from "../log/ansi.ts";
import { mark } from "../log/highlight.ts";
import { createLogReader, type LogReader } from "../log/log-reader.ts";
import type { Line } from "../log/log-window.ts";
import type { ReadLog } from "../log/search.ts";
import { bytesText } from "../log/words.ts";
import { LogBar } from "./log-bar.tsx";
import { useLogSearch } from "./log-search.ts";

export interface LogViewProps {
  /** Names the log in what is saved. */
  name: string;
  read: ReadLog;
  /** As the feed says; null: nothing was heard yet. */
  length: number | null;
  complete: boolean;
  /** The broker answers: what did not come while it was away is asked for again. */
  isLive: boolean;
}

/** The height of a row, as the style has it, px. */
const rowHeight = 20;
/** Rows drawn above and below what is seen. */
const spare = 12;
/** So near an end of the window the next block is brought, px. */
const nearEdge = 800;
/** Somebody who follows and is so far behind goes to the end at once, bytes. */
const farBehind = 1024 * 1024;
/** A long line goes on in the next row after so many bytes, when lines are not wrapped. */
const longestRow = 2000;

/** The viewer of one log; give it a `key` by try. */
export function LogView({ name, read, length, complete, isLive }: LogViewProps) {
  const [, draw] = useState(0);
  const [following, setFollowing] = useState(true);
  const [wrap, setWrap] = useState(false);
  const [seen, setSeen] = useState({ top: 0, height: 400 });
  const body = useRef<HTMLDivElement>(null);
  const anchor = useRef({ at: 0, rest: 0 });
  const target = useRef<number | null>(null);
  const lastTop = useRef(0);
  const reader = useMemo<LogReader>(() => createLogReader(read, () => draw((n) => n + 1)), [read]);
  useEffect(() => () => reader.close(), [reader]);
  const { window } = reader;

  useEffect(() => {
    if (length === null) return;
    const isFirst = reader.length === 0 && length > 0;
    reader.grow(length, complete);
    // What went wrong is not asked for at once again: it would go wrong at once again.
    if (reader.busy || reader.error !== null) return;
    if (isFirst || (following && length - window.to > farBehind)) reader.jump(length);
    else if (following && !reader.hasEnd) reader.extend("behind");
  });

  useEffect(() => {
    if (isLive) reader.retry();
  }, [isLive, reader]);

  const search = useLogSearch(read, reader.length, isLive, (place) => {
    setFollowing(false);
    show(place);
  });

  function show(place: number): void {
    if (place >= window.from && place < window.to && window.lines.length > 0) {
      const box = body.current;
      if (box) box.scrollTop = Math.max(0, window.indexOf(place) * rowHeight - box.clientHeight / 3);
      return;
    }
    target.current = place;
    reader.jump(place);
  }

  function onScroll(): void {
    const box = body.current;
    if (!box) return;
    const { scrollTop, clientHeight, scrollHeight } = box;
    const line = window.lines[Math.floor(scrollTop / rowHeight)];
    anchor.current = { at: line?.from ?? window.from, rest: scrollTop % rowHeight };
    setSeen({ top: scrollTop, height: clientHeight });
    const toEnd = scrollHeight - scrollTop - clientHeight;
    // Only somebody who scrolls up stops following: at the end there may be more than is drawn yet.
    if (scrollTop < lastTop.current - 2) setFollowing(false);
    else if (toEnd < rowHeight && reader.hasEnd) setFollowing(true);
    lastTop.current = scrollTop;
    if (scrollTop < nearEdge) reader.extend("before");
    if (toEnd < nearEdge) reader.extend("behind");
  }

  // Whatever was brought or dropped around it, what somebody reads stays where it is.
  const shape = `${window.from}-${window.to}-${window.lines.length}`;
  useLayoutEffect(() => {
    const box = body.current;
    if (!box) return;
    if (target.current !== null && target.current >= window.from && target.current < window.to) {
      const place = target.current;
      target.current = null;
      show(place);
    } else if (following) box.scrollTop = box.scrollHeight;
    else box.scrollTop = window.indexOf(anchor.current.at) * rowHeight + anchor.current.rest;
    lastTop.current = box.scrollTop;
    setSeen({ top: box.scrollTop, height: box.clientHeight });
  }, [shape]);

  useLayoutEffect(() => {
    const box = body.current;
    if (!box) return undefined;
    const measure = () => {
      setSeen({ top: box.scrollTop, height: box.clientHeight });
      window.cutAt(wrap ? columnsOf(box) : longestRow);
      draw((n) => n + 1);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(box);
    return () => observer.disconnect();
  }, [wrap]);

  function onKeyDown(event: KeyboardEvent): void {
    if (event.key === "Home") goTo(0);
    else if (event.key === "End") follow();
    else return;
    event.preventDefault();
  }

  function goTo(place: number): void {
    setFollowing(false);
    show(place);
  }

  function follow(): void {
    setFollowing(true);
    const box = body.current;
    if (!reader.hasEnd) reader.jump(reader.length);
    else if (box) box.scrollTop = box.scrollHeight;
  }

  const first = Math.max(0, Math.floor(seen.top / rowHeight) - spare);
  const rows = window.lines.slice(first, first + Math.ceil(seen.height / rowHeight) + 2 * spare);
  const isEmpty = length === 0 && window.lines.length === 0;
  return (
    <section class="log" aria-label="Log">
      <LogBar
        search={search}
        following={following}
        complete={complete}
        onFollow={follow}
        wrap={wrap}
        onWrap={() => setWrap(!wrap)}
        save={{ name, read, length: reader.length }}
      />
      <div class="log-frame">
        <div
          class="log-body"
          ref={body}
          tabIndex={0}
          role="region"
          aria-label="Lines of the log"
          onScroll={onScroll}
          onKeyDown={onKeyDown}
        >
          <div class="log-sheet" style={{ height: `${window.lines.length * rowHeight}px` }}>
            <div class="log-rows" style={{ transform: `translateY(${first * rowHeight}px)` }}>
              {rows.map((line) => (
                <Row
                  key={line.from}
                  reader={reader}
                  line={line}
                  words={search.words}
                  isCurrent={search.place !== null && search.place >= line.from && search.place < line.to}
                />
              ))}
            </div>
          </div>
          {isEmpty && (
            <p class="log-empty">
              {complete
                ? "This try wrote nothing."
                : "Nothing was written yet. Lines appear here as they come."}
            </p>
          )}
          {length === null && <p class="log-empty">Fetching the log…</p>}
        </div>
        <Overview reader={reader} places={search.places} onGo={goTo} />
      </div>
      <p class="log-foot" role={reader.error === null ? undefined : "alert"}>
        {reader.error === null ? (
          <LogState reader={reader} following={following} />
        ) : (
          <>
            The rest of the log did not come: the broker does not answer.{" "}
            <button type="button" class="link" onClick={() => reader.retry()}>
              Try again
            </button>
          </>
        )}
      </p>
    </section>
  );
}

function Row(props: { reader: LogReader; line: Line; words: string; isCurrent: boolean }) {
  const { reader, line, words, isCurrent } = props;
  const { runs } = runsOf(lastDrawn(reader.window.textOf(line)), reader.window.lookAt(line));
  return (
    <div class={isCurrent ? "log-row is-current" : "log-row"}>
      {mark(runs, words).map(({ text, look, marked }) =>
        marked ? <mark class={classesOf(look)}>{text}</mark> : <span class={classesOf(look)}>{text}</span>,
      )}
    </div>
  );
}

function LogState({ reader, following }: { reader: LogReader; following: boolean }) {
  const { window, length, complete } = reader;
  const isWhole = window.from === 0 && window.to >= length;
  return (
    <>
      {isWhole ? bytesText(length) : `${bytesText(length)}, shown around ${bytesText(window.from)}`}
      {complete
        ? ""
        : following
          ? " · live: new lines appear by themselves"
          : " · live: new lines wait below"}
    </>
  );
}

/** Where in a long log one is: a strip to click at, with the places that a search found. */
function Overview(props: { reader: LogReader; places: readonly number[]; onGo: (place: number) => void }) {
  const { reader, places, onGo } = props;
  const { window, length } = reader;
  if (length === 0 || (window.from === 0 && window.to >= length && places.length === 0)) return null;
  const share = (bytes: number) => `${(bytes / length) * 100}%`;
  const dots = [...new Set(places.map((place) => Math.floor((place / length) * 200)))];
  return (
    <div
      class="log-overview"
      aria-hidden="true"
      onClick={(event) => {
        const box = event.currentTarget.getBoundingClientRect();
        onGo(Math.floor(((event.clientY - box.top) / box.height) * length));
      }}
    >
      <i
        class="log-here"
        style={{ top: share(window.from), height: `max(4px, ${share(window.to - window.from)})` }}
      />
      {dots.map((dot) => (
        <i key={dot} class="log-hit" style={{ top: `${dot / 2}%` }} />
      ))}
    </div>
  );
}

/** Characters that fit into a row. */
function columnsOf(box: HTMLElement): number {
  const ruler = document.createElement("span");
  ruler.className = "log-ruler";
  ruler.textContent = "0".repeat(100);
  box.append(ruler);
  const each = ruler.getBoundingClientRect().width / 100;
  ruler.remove();
  return each === 0 ? longestRow : Math.max(20, Math.floor((box.clientWidth - 32) / each));
}
