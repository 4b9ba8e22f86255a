// The newest tries of a job: which frame, how it went, where and how long.
import type { Live } from "../live.ts";
import { framePath, Link } from "../router.tsx";
import { useStore } from "../store.ts";
import { StateMark } from "../ui/chip.tsx";
import { Moment } from "../ui/time.tsx";
import { useLoad } from "../views/use-load.ts";
import { tryMark, tryWords } from "../views/frame-tries.tsx";
import { duration } from "../words.ts";
import type { Names } from "./names.ts";

interface TriesProps {
  job: number;
  live: Live;
  names: Names;
  /** Frames that are begun now. */
  begun: number;
}

const shown = 12;
/** Frames may end faster than anybody reads: asked for no oftener, ms. */
const everyMs = 1500;

/** Nothing before the first one. */
export function Tries({ job, live, names, begun }: TriesProps) {
  const { api } = useStore();
  const counts = live.client.store.details.get(job)?.counts;
  const { value } = useLoad(
    (signal) => api.listAttempts(job, { limit: shown, begun: true }, signal),
    String(job),
    `${begun} ${Object.values(counts ?? {}).join(" ")}`,
    everyMs,
  );
  const tries = value?.items ?? [];
  if (tries.length === 0) return null;
  return (
    <section class="panel" aria-label="Tries">
      <div class="panel-head">
        <h2>Newest tries</h2>
      </div>
      <ol class="job-tries">
        {tries.map(({ id, step, ordinal, state, worker, seconds, reason, endedAt, startedAt, createdAt }) => (
          <li key={id}>
            <StateMark mark={tryMark(state)} />
            <span class="job-try-what">
              <Link to={framePath(job, step, ordinal)} class="link">
                {names.fullOf(step, ordinal)}
              </Link>{" "}
              {tryWords(state)}
            </span>
            <span class="faint">
              <Moment at={endedAt ?? startedAt ?? createdAt} />
            </span>
            <span class="job-try-facts" title={reason ?? undefined}>
              {worker}
              {seconds !== null && ` · ${duration(seconds)}`}
              {reason !== null && ` · ${reason}`}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}
