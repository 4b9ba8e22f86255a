// How long the frames of a step took, as a drawing: a column for each, or for several neighbors.
import { useMemo } from "preact/hooks";
import { framePath, navigate } from "../router.tsx";
import { duration } from "../words.ts";
import type { NameOf } from "../../contract/frame-names.ts";
import type { StepTimings } from "../../contract/timings.ts";

interface FrameTimesProps {
  job: number;
  step: string;
  count: number;
  times: StepTimings;
  /** Frames that are done; of very many, only the newest times are known. */
  succeeded: number;
  nameOf: NameOf;
}

const mostColumns = 120;
const height = 96;

/** Nothing before there is something to compare. */
export function FrameTimes({ job, step, count, times, succeeded, nameOf }: FrameTimesProps) {
  const size = Math.ceil(count / mostColumns);
  const columns = useMemo(
    () =>
      Array.from({ length: Math.ceil(count / size) }, (_, index) => columnOf(times.done, index * size, size)),
    [times, count],
  );
  const { count: known, total, usual: middle, most: longest } = times.spread;
  if (known < 3) return null;
  const usual = middle ?? 0;
  // One frame that takes a hundred times as long would press all others to the ground.
  // Tasks that do nothing take none at all.
  const top = Math.max(0.001, Math.min(longest, usual * 6));
  const share = (seconds: number) => Math.max(0.02, Math.min(1, seconds / top));
  return (
    <section class="panel frame-times" aria-label={`Times of ${step}`}>
      <div class="panel-head">
        <h2>Frame times</h2>
        <span class="muted">
          usually {duration(usual)}, slowest {duration(longest)}
          {known >= succeeded
            ? `, ${duration(total)} of rendering`
            : `, of the newest ${known.toLocaleString("en-US")}`}
        </span>
      </div>
      <svg
        viewBox={`0 0 ${columns.length * 10} ${height}`}
        preserveAspectRatio="none"
        class="times"
        role="img"
        aria-label={`Usually ${duration(usual)} a frame, the slowest took ${duration(longest)}.`}
      >
        {columns.map((column, index) => {
          if (!column) return null;
          const tall = share(column.mean) * (height - 8);
          const isHigh = column.most > usual * 3;
          return (
            <g
              key={index}
              class={isHigh ? "time is-high" : "time"}
              onClick={() => navigate(framePath(job, step, column.slowest))}
            >
              <rect x={index * 10} y={0} width={10} height={height} class="time-room" />
              <rect x={index * 10 + 1} y={height - tall} width={8} height={tall} rx={1.5} />
              {column.most > top && <path d={`M${index * 10 + 2} 6l3-4 3 4z`} />}
              <title>
                {size === 1
                  ? `Frame ${nameOf(column.slowest)}: ${duration(column.most)}`
                  : `Frames ${nameOf(index * size)} to ${nameOf(Math.min(count, (index + 1) * size) - 1)}: ${duration(column.mean)}, slowest ${duration(column.most)}`}
              </title>
            </g>
          );
        })}
        <line
          x1={0}
          x2={columns.length * 10}
          y1={height - share(usual) * (height - 8)}
          y2={height - share(usual) * (height - 8)}
        />
      </svg>
      <p class="times-ends faint">
        <span>{nameOf(0)}</span>
        <span>{nameOf(count - 1)}</span>
      </p>
    </section>
  );
}

function columnOf(
  done: ReadonlyMap<number, number>,
  from: number,
  size: number,
): { mean: number; most: number; slowest: number } | null {
  let sum = 0;
  let found = 0;
  let most = 0;
  let slowest = from;
  for (let ordinal = from; ordinal < from + size; ordinal++) {
    const seconds = done.get(ordinal);
    if (seconds === undefined) continue;
    sum += seconds;
    found += 1;
    if (seconds >= most) {
      most = seconds;
      slowest = ordinal;
    }
  }
  return found === 0 ? null : { mean: sum / found, most, slowest };
}
