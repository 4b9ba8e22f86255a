// The controls of the flip-book: play, step, frame rate, loop, and which of several outputs.
import { frameRates, type Playing } from "../flipbook/clock.ts";
import { baseName, type Reel } from "../flipbook/pictures.ts";
import { Link } from "../router.tsx";

interface ControlsProps {
  playing: Playing;
  frameName: string;
  /** Pictures that can be played. */
  here: number;
  count: number;
  reel: Reel;
  reels: readonly Reel[];
  onReel: (reel: Reel) => void;
  onToggle: () => void;
  onStep: (by: 1 | -1) => void;
  onLoop: () => void;
  onRate: (framesPerSecond: number) => void;
  /** The address where it is larger; null: it is there. */
  large: string | null;
}

/** The row of controls. */
export function FlipBookControls(props: ControlsProps) {
  const { playing, frameName, here, count, reel, reels, onReel, onToggle, onStep, onLoop, onRate, large } =
    props;
  const rates = [...new Set([...frameRates, playing.framesPerSecond])].toSorted((a, b) => a - b);
  return (
    <div class="flip-controls">
      <div class="flip-transport">
        <button type="button" class="button is-icon" aria-label="Frame before" onClick={() => onStep(-1)}>
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="M4 3v10M13 3 6 8l7 5z" />
          </svg>
        </button>
        <button
          type="button"
          class="button is-icon is-primary flip-play"
          aria-label={playing.playing ? "Stop" : "Play"}
          onClick={onToggle}
        >
          <svg viewBox="0 0 16 16" aria-hidden="true">
            {playing.playing ? <path d="M4 3h3v10H4zM9 3h3v10H9z" /> : <path d="m4 2.5 9 5.5-9 5.5z" />}
          </svg>
        </button>
        <button type="button" class="button is-icon" aria-label="Frame after" onClick={() => onStep(1)}>
          <svg viewBox="0 0 16 16" aria-hidden="true">
            <path d="M12 3v10M3 3l7 5-7 5z" />
          </svg>
        </button>
        <button
          type="button"
          class="button is-icon"
          aria-label="Loop"
          aria-pressed={playing.loop}
          onClick={onLoop}
        >
          <svg viewBox="0 0 16 16" class="is-line" aria-hidden="true">
            <path d="M3 7a3 3 0 0 1 3-3h6M10 2l2 2-2 2M13 9a3 3 0 0 1-3 3H4M6 14l-2-2 2-2" />
          </svg>
        </button>
      </div>
      <output class="flip-frame">
        <b>{frameName}</b>
        <small>{here === count ? `all ${count} frames` : `${here} of ${count} frames`}</small>
      </output>
      <div class="flip-choices">
        {reels.length > 1 && (
          <select
            class="input"
            aria-label="Which pictures"
            value={reels.indexOf(reel)}
            onChange={(event) => {
              const next = reels[Number(event.currentTarget.value)];
              if (next) onReel(next);
            }}
          >
            {reels.map((one, index) => (
              <option key={`${one.step}\n${one.name}`} value={index}>
                {baseName(one.name)}
              </option>
            ))}
          </select>
        )}
        <select
          class="input"
          aria-label="Frames per second"
          value={playing.framesPerSecond}
          onChange={(event) => onRate(Number(event.currentTarget.value))}
        >
          {rates.map((rate) => (
            <option key={rate} value={rate}>
              {rate} fps
            </option>
          ))}
        </select>
        {large !== null && (
          <Link class="button" to={large}>
            Larger
          </Link>
        )}
      </div>
    </div>
  );
}
