// The flip-book: plays the pictures of finished frames while the rest still render; what is missing shows as a hole.
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import type { TaskState } from "../../contract/states.ts";
import type { Addresses } from "../flipbook/addresses.ts";
import { createBitmaps } from "../flipbook/bitmaps.ts";
import { advance, ahead, seek, step, toggle, type Playing } from "../flipbook/clock.ts";
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
}

export interface FlipBookProps {
  list: ListPictures;
  addresses: Addresses;
  /** Changes when there may be new pictures. */
  version: string;
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
  const { list, addresses, version } = props;
  const { reels, loaded, error } = useReels(list, version);
  const [chosen, setChosen] = useState<string | null>(null);
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
      onReel={(next) => setChosen(keyOf(next.step, next.name))}
    />
  );
}

const keyOf = (of: string, name: string) => `${of}\n${name}`;

interface PlayerProps extends FlipBookProps {
  reel: Reel;
  reels: readonly Reel[];
  onReel: (reel: Reel) => void;
}

function Player({
  reel,
  reels,
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
  const [playing, setPlaying] = useState<Playing>(() => ({
    index: Math.min(...reel.pictures.keys()),
    playing: false,
    loop: true,
    framesPerSecond,
    since: performance.now(),
  }));
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
  const isHole = picture === undefined || typeof bitmap === "string";
  const frame = frameOf(reel.step, index);

  useEffect(() => {
    if (!playing.playing) return undefined;
    let request = requestAnimationFrame(function turn(now) {
      setPlaying((before) => advance(before, now, count));
      request = requestAnimationFrame(turn);
    });
    return () => cancelAnimationFrame(request);
  }, [playing.playing, count]);

  useEffect(() => {
    const next = ahead(index, count, aheadOf, playing.loop);
    bitmaps.want(next.flatMap((one) => reel.pictures.get(one)?.sha256 ?? []));
  }, [bitmaps, index, count, playing.loop, reel.pictures.size, picture?.sha256]);

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

  // What was shown stays until the next picture is decoded; only a hole clears the stage.
  useLayoutEffect(() => {
    const canvas = stage.current;
    const context = canvas?.getContext("2d");
    if (!canvas || !context) return;
    if (isHole) context.clearRect(0, 0, canvas.width, canvas.height);
    if (typeof bitmap !== "object") return;
    const scale = Math.min(canvas.width / bitmap.width, canvas.height / bitmap.height);
    const [width, height] = [bitmap.width * scale, bitmap.height * scale];
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(bitmap, (canvas.width - width) / 2, (canvas.height - height) / 2, width, height);
  });

  const stripFrame = (ordinal: number): StripFrame => {
    const known = reel.pictures.get(ordinal);
    const isReady = known !== undefined && typeof bitmaps.get(known.sha256) === "object";
    return { state: frameOf(reel.step, ordinal).state, hasPicture: known !== undefined, isReady };
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

  const now = () => performance.now();
  function onKeyDown(event: KeyboardEvent): void {
    if (event.target instanceof HTMLElement && /^(select|input|button)$/i.test(event.target.tagName)) return;
    if (event.key === " ") setPlaying((before) => toggle(before, now(), count));
    else if (event.key === "ArrowLeft") setPlaying((before) => step(before, now(), -1, count));
    else if (event.key === "ArrowRight") setPlaying((before) => step(before, now(), 1, count));
    else if (event.key === "Home") setPlaying((before) => seek(before, now(), 0, count));
    else if (event.key === "End") setPlaying((before) => seek(before, now(), count - 1, count));
    else return;
    event.preventDefault();
  }

  return (
    <div class="flip" tabIndex={0} role="group" aria-label="Flip-book" onKeyDown={onKeyDown}>
      <div
        class="flip-stage"
        data-frame={index}
        data-shown={isHole ? "hole" : bitmap ? "picture" : "loading"}
      >
        <canvas
          ref={stage}
          role="img"
          aria-label={`Frame ${frame.name}${isHole ? ", no picture" : ""}`}
          onClick={() => setPlaying((before) => toggle(before, now(), count))}
        />
        {isHole && <Hole frame={frame} why={typeof bitmap === "string" ? bitmap : null} />}
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
          onInput={(event) => setPlaying((b) => seek(b, now(), Number(event.currentTarget.value), count))}
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
        onToggle={() => setPlaying((before) => toggle(before, now(), count))}
        onStep={(by) => setPlaying((before) => step(before, now(), by, count))}
        onLoop={() => setPlaying((before) => ({ ...before, loop: !before.loop }))}
        onRate={(rate) => setPlaying((before) => ({ ...before, framesPerSecond: rate, since: now() }))}
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

function holeWords({ state, percent }: FlipBookFrame): string {
  return state === "running" && percent === null ? "is about to start" : holes[state];
}

const lost = { gone: "its picture was cleaned up here", failed: "its picture did not come" } as const;

/** `why` there is no picture to show of a frame that has one. */
function Hole({ frame, why }: { frame: FlipBookFrame; why: keyof typeof lost | null }) {
  const { name, state, percent } = frame;
  return (
    <div class={`flip-hole is-${state}`}>
      <strong>Frame {name}</strong>
      <span>
        {why === null ? holeWords(frame) : lost[why]}
        {state === "running" && percent !== null && percent > 0 ? ` · ${Math.round(percent)} %` : ""}
      </span>
    </div>
  );
}
