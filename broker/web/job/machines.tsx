// The workers that render a job now, and what each of them does.
import type { Worker } from "../../contract/worker.ts";
import { framePath, Link } from "../router.tsx";
import type { Names } from "./names.ts";

interface MachinesProps {
  job: number;
  workers: readonly Worker[];
  names: Names;
}

const most = 24;

/** Nothing while nobody works on it. */
export function Machines({ job, workers, names }: MachinesProps) {
  const own = workers
    .filter((worker) => worker.jobNumber === job)
    .toSorted((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  if (own.length === 0) return null;
  return (
    <section class="panel" aria-label="Machines">
      <div class="panel-head">
        <h2>Rendering now</h2>
        <Link to="/workers" class="link">
          All workers
        </Link>
      </div>
      <ul class="renders">
        {own.slice(0, most).map(({ id, name, step, ordinals, progress }) => {
          const ordinal = ordinals[0];
          return (
            <li key={id} class="render">
              <span class="render-name">{name}</span>
              {step !== null && ordinal !== undefined && (
                <Link to={framePath(job, step, ordinal)} class="link">
                  {names.spokenOf(step, ordinal)}
                  {ordinals.length > 1 && `, then ${ordinals.length - 1} more`}
                </Link>
              )}
              <span class="render-percent">{progress === null ? "" : `${Math.round(progress)}%`}</span>
              <span class={progress === null ? "render-bar is-open" : "render-bar"}>
                <i style={{ width: `${progress ?? 30}%` }} />
              </span>
            </li>
          );
        })}
      </ul>
      {own.length > most && <p class="muted">and {own.length - most} more</p>}
    </section>
  );
}
