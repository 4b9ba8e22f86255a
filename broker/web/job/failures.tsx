// Failed frames, grouped by why: one line a reason, the frames to look at, and the way to try them again.
import type { FeedJobDetail } from "../../contract/feed.ts";
import type { NameOf } from "../../contract/frame-names.ts";
import { useMe } from "../me.ts";
import { framePath, Link } from "../router.tsx";
import { useStore } from "../store.ts";
import { StateMark } from "../ui/chip.tsx";
import { counted } from "../words.ts";

interface FailuresProps {
  job: FeedJobDetail;
  namesOf: (step: string) => NameOf;
}

/** Nothing where nothing failed. */
export function Failures({ job, namesOf }: FailuresProps) {
  const { api, act, notes } = useStore();
  const me = useMe();
  if (job.failures.length === 0) return null;
  return (
    <section class="panel failures" aria-label="Why frames failed">
      <div class="panel-head">
        <h2>Why {counted(job.counts.failed, "frame")} failed</h2>
      </div>
      <ul>
        {job.failures.map(({ reason, count, step, ordinals }) => (
          <li key={`${step}\n${reason}`} class="failure">
            <StateMark mark="failed" />
            <div>
              <p class="failure-why">{reason}</p>
              <p class="failure-frames">
                <b>{counted(count, "frame")}</b>
                {job.steps.length > 1 && <span>of {step}</span>}
                {ordinals.map((ordinal) => (
                  <Link key={ordinal} to={framePath(job.number, step, ordinal)} class="link">
                    {namesOf(step)(ordinal)}
                  </Link>
                ))}
                {count > ordinals.length && <span>and {counted(count - ordinals.length, "more frame")}</span>}
              </p>
            </div>
            {count <= ordinals.length && me.may("requeueTasks", job) && (
              <button
                type="button"
                class="button is-small"
                onClick={() =>
                  void act(async () => {
                    const { requeued } = await api.requeue(job.number, { step, ordinals });
                    notes.say(`${counted(requeued, "frame")} asked for again.`);
                  })
                }
              >
                Requeue
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  );
}
