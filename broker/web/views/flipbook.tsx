// The flip-book: plays the pictures of finished frames while the rest still render. What is missing shows as a hole to who goes
// there; while it plays, the picture before stays.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { TaskState } from "../../contract/states.ts";
import type { Addresses } from "../flipbook/addresses.ts";
import { createBitmaps } from "../flipbook/bitmaps.ts";
import { advance, ahead, seek, spanOf, step, toggle, type Playing } from "../flipbook/clock.ts";
import { drawStrip, type StripFrame } from "../flipbook/strip.ts";
import type { Reel } from "../flipbook/pictures.ts";
import { baseName } from "../flipbook/pictures.ts";
import { onThemeChange } from "../theme.ts";
import { FlipBookControls } from "./flipbook-controls.tsx";
import { useReels, type ListPictures } from "./use-reels.ts";

export interface FlipBookFrame {
  state: TaskState;
  /** As an artist calls it: `37`. */
  name: string;
  /** Of a frame that is begun, 0 to 100; of one that waits for its turn on a worker null. */
  percent: number | null;
  /** Its job is: nothing more begins. */
  isPaused: boolean;
}

export interface FlipBookProps {
  list: ListPictures;
  addresses: Addresses;
  /** Changes when there may be new pictures. */
  version: string;
  /** The job is not over: more pictures come. */
  isGrowing: boolean;
  /** The broker answers: what did not come while it was away is asked for again. */
  isLive: boolean;
  /** How many frames a step has. */
  countOf: (step: string) => number;
  frameOf: (step: string, ordinal: number) => FlipBookFrame;
  framesPerSecond: number;
  /** The address where it is larger; null: it is there. */
  large: string | null;
  /** Opens one frame. */
  onOpen: (step: string, ordinal: number) => void;
}

/** Pictures that are brought before they are needed. */
const aheadOf = 60;

/** The flip-book of one job; give it a `key` by job. */
export function FlipBook(props: FlipBookProps) {
  const { list, addresses, version, isGrowing } = props;
  const { reels, loaded, error } = useReels(list, version);
  const [chosen, setChosen] = useState<string | null>(null);
  // Of a job that is over the first picture is a better beginning than the last.
  const [wasGrowing] = useState(isGrowing);
  const reel = reels.find(({ step: of, name }) => keyOf(of, name) === chosen) ?? reels[0];
  if (reel === undefined)
    return (
      <div class="flip-empty">
        {error !== null ? (
          <p>
            The pictures did not come: the broker does not answer. They are asked for again by themselves.
          </p>
        ) : loaded ? (
          <p>No picture to play yet. They appear here as their frames finish.</p>
        ) : (
          <p>Looking for pictures…</p>
        )}
      </div>
    );
  return (
    <Player
      key={keyOf(reel.step, reel.name)}
      {...props}
      addresses={addresses}
      reel={reel}
      reels={reels}
      follows={wasGrowing && chosen === null}
      onReel={(next) => setChosen(keyOf(next.step, next.name))}
    />
  );
}

const keyOf = (of: string, name: string) => `${of}\n${name}`;

interface PlayerProps extends FlipBookProps {
  reel: Reel;
  reels: readonly Reel[];
  /** Nobody touched it yet: it shows each new picture as it comes. */
  follows: boolean;
  /** This one is looked at from now on. */
  onReel: (reel: Reel) => void;
}

function Player({
  reel,
  reels,
  follows,
  onReel,
  addresses,
  countOf,
  frameOf,
  framesPerSecond,
  isLive,
  large,
  onOpen,
}: PlayerProps) {
  const count = countOf(reel.step);
  // Not with each picture that is shown: there may be very many. What came is told by new reels.
  const { span, newest } = useMemo(() => {
    const ordinals = [...reel.pictures.keys()];
    return { span: spanOf(ordinals), newest: ordinals.at(-1) ?? 0 };
  }, [reel, reels]);
  const [playing, setPlaying] = useState<Playing>(() => ({
    index: follows ? newest : span.first,
    playing: false,
    loop: true,
    framesPerSecond,
    since: performance.now(),
  }));
  useEffect(() => {
    if (follows) setPlaying((before) => ({ ...before, index: newest }));
  }, [follows, newest]);
  /** Whoever does something with it decides from then on what it shows. */
  function change(next: (before: Playing, now: number) => Playing): void {
    if (follows) onReel(reel);
    setPlaying((before) => next(before, performance.now()));
  }
  const onToggle = () =>
    // Somebody who presses Play means from the beginning, not from the picture that came last.
    change((before, now) => toggle(follows ? { ...before, index: span.first } : before, now, span));
  const [, draw] = useState(0);
  const stage = useRef<HTMLCanvasElement>(null);
  const strip = useRef<HTMLCanvasElement>(null);
  const bitmaps = useMemo(
    () => createBitmaps({ addresses, onChange: () => draw((n) => n + 1) }),
    [addresses],
  );
  useEffect(() => () => bitmaps.close(), [bitmaps]);
  useEffect(() => {
    if (isLive) bitmaps.again();
  }, [bitmaps, isLive]);
  useEffect(() => onThemeChange(() => draw((n) => n + 1)), []);
  const { index } = playing;
  const picture = reel.pictures.get(index);
  const bitmap = picture && bitmaps.get(picture.sha256);
  const isMissing = picture === undefined || typeof bitmap === "string";
  const isHole = isMissing && !playing.playing;
  /** The picture on the stage. */
  const drawn = useRef<string | null>(null);
  const frame = frameOf(reel.step, index);

  useEffect(() => {
    if (!playing.playing) return undefined;
    let request = requestAnimationFrame(function turn(now) {
      setPlaying((before) => advance(before, now, span));
      request = requestAnimationFrame(turn);
    });
    return () => cancelAnimationFrame(request);
  }, [playing.playing, span.first, span.last]);

  useEffect(() => {
    const next = ahead(index, span, aheadOf, playing.loop);
    bitmaps.want(next.flatMap((one) => reel.pictures.get(one)?.sha256 ?? []));
  }, [bitmaps, index, span.first, span.last, playing.loop, reel.pictures.size, picture?.sha256]);

  useLayoutEffect(() => {
    const canvas = stage.current;
    if (!canvas) return undefined;
    const measure = () => {
      const { width, height } = canvas.getBoundingClientRect();
      const scale = Math.min(2, devicePixelRatio);
      canvas.width = Math.max(1, Math.round(width * scale));
      canvas.height = Math.max(1, Math.round(height * scale));
      bitmaps.resize(canvas.width, canvas.height);
      draw((n) => n + 1);
    };
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(canvas);
    return () => observer.disconnect();
  }, [bitmaps]);

  // What was shown stays until the next picture is decoded, and where one is missing while it plays; only a hole clears the stage.
  useLayoutEffect(() => {
    const canvas = stage.current;
    const context = canvas?.getContext("2d");
    if (!canvas || !context) return;
    if (isHole) context.clearRect(0, 0, canvas.width, canvas.height);
    const shown = isMissing ? (isHole ? null : drawn.current) : picture.sha256;
    const bitmap = shown === null ? undefined : bitmaps.get(shown);
    if (typeof bitmap !== "object") return;
    drawn.current = shown;
    const scale = Math.min(canvas.width / bitmap.width, canvas.height / bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  });

  const stripFrame = (ordinal: number): StripFrame => {
    const known = reel.pictures.get(ordinal);
    const isReady = known !== undefined && typeof bitmaps.get(known.sha256) === "object";
    const { state, percent } = frameOf(reel.step, ordinal);
    const isNext = state === "running" && percent === null;
    return { state, isNext, hasPicture: known !== undefined, isReady };
  };
  useLayoutEffect(() => {
    const canvas = strip.current;
    const context = canvas?.getContext("2d");
    if (!canvas || !context) return;
    const box = canvas.getBoundingClientRect();
    canvas.width = Math.max(1, Math.round(box.width * devicePixelRatio));
    canvas.height = Math.max(1, Math.round(box.height * devicePixelRatio));
    const style = getComputedStyle(canvas);
    const color = (name: string) => style.getPropertyValue(`--strip-${name}`).trim();
    drawStrip(context, canvas, count, stripFrame, index, {
      ready: color("ready"),
      here: color("here"),
      running: color("running"),
      failed: color("failed"),
      waiting: color("waiting"),
      head: color("head"),
    });
  });

  function onKeyDown(event: KeyboardEvent): void {
    if (event.target instanceof HTMLElement && /^(select|input|button)$/i.test(event.target.tagName)) return;
    // With these the browser goes back, or elsewhere.
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    if (event.key === " ") onToggle();
    else if (event.key === "ArrowLeft") change((before, now) => step(before, now, -1, count));
    else if (event.key === "ArrowRight") change((before, now) => step(before, now, 1, count));
    else if (event.key === "Home") change((before, now) => seek(before, now, 0, count));
    else if (event.key === "End") change((before, now) => seek(before, now, count - 1, count));
    else return;
    event.preventDefault();
  }

  return (
    <div class="flip" tabIndex={0} role="group" aria-label="Flip-book" onKeyDown={onKeyDown}>
      <div
        class="flip-stage"
        data-frame={index}
        data-shown={isMissing ? (isHole ? "hole" : "held") : bitmap ? "picture" : "loading"}
      >
        <canvas
          ref={stage}
          role="img"
          aria-label={`Frame ${frame.name}${isMissing ? ", no picture" : ""}`}
          onClick={onToggle}
        />
        {isMissing && (
          <Hole frame={frame} why={typeof bitmap === "string" ? bitmap : null} isSmall={!isHole} />
        )}
        <button type="button" class="flip-name" onClick={() => onOpen(reel.step, index)}>
          {picture === undefined ? `Frame ${frame.name}` : baseName(picture.name)}
          {picture?.isPreview ? " · preview" : ""}
        </button>
      </div>
      <div class="flip-scrub">
        <canvas ref={strip} class="flip-strip" aria-hidden="true" />
        <input
          type="range"
          min={0}
          max={Math.max(0, count - 1)}
          value={index}
          aria-label="Frame"
          aria-valuetext={`Frame ${frame.name}`}
          onInput={({ currentTarget: { value } }) => change((b, now) => seek(b, now, Number(value), count))}
        />
      </div>
      <FlipBookControls
        playing={playing}
        frameName={frame.name}
        here={reel.pictures.size}
        count={count}
        reel={reel}
        reels={reels}
        onReel={onReel}
        large={large}
        onToggle={onToggle}
        onStep={(by) => change((before, now) => step(before, now, by, count))}
        onLoop={() => setPlaying((before) => ({ ...before, loop: !before.loop }))}
        onRate={(rate) =>
          setPlaying((before) => ({ ...before, framesPerSecond: rate, since: performance.now() }))
        }
      />
    </div>
  );
}

const holes: Readonly<Record<TaskState, string>> = {
  blocked: "waits for another step",
  ready: "waits for a worker",
  running: "is rendering",
  succeeded: "is done; there is no picture of it",
  failed: "failed",
  canceled: "was canceled",
};

function holeWords({ state, percent, isPaused }: FlipBookFrame): string {
  if (state === "ready" && isPaused) return "waits: its job is paused";
  return state === "running" && percent === null ? "is about to start" : holes[state];
}

const lost = { gone: "its picture was cleaned up here", failed: "its picture did not come" } as const;

interface HoleProps {
  frame: FlipBookFrame;
  /** Why there is no picture to show of a frame that has one. */
  why: keyof typeof lost | null;
  /** Beside the picture before. */
  isSmall: boolean;
}

/** Which frame is missing, and why. */
function Hole({ frame, why, isSmall }: HoleProps) {
  const { name, state, percent } = frame;
  return (
    <div class={`flip-hole is-${state}${isSmall ? " is-small" : ""}`}>
      <strong>Frame {name}</strong>
      <span>
        {why === null ? holeWords(frame) : lost[why]}
        {state === "running" && percent !== null && percent > 0 ? ` · ${Math.round(percent)} %` : ""}
      </span>
    </div>
  );
}
