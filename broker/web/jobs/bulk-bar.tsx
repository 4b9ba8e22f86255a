// What can be done with several jobs at once.
import { useState } from "preact/hooks";
import type { Job } from "../../contract/job.ts";
import { sentenceOf } from "../api.ts";
import { useStore } from "../store.ts";
import { Dialog } from "../ui/dialog.tsx";
import { counted } from "../words.ts";

interface BulkBarProps {
  jobs: readonly Job[];
  onClear: () => void;
}

/** Pause, resume, cancel, requeue, priority, for those to which it applies. */
export function BulkBar({ jobs, onClear }: BulkBarProps) {
  const { api, notes } = useStore();
  const [isCanceling, setCanceling] = useState(false);
  const open = jobs.filter((job) => job.endedAt === null && job.state !== "canceling");
  const running = open.filter((job) => job.intent === "run");
  const paused = open.filter((job) => job.intent === "pause");
  const failed = jobs.filter((job) => job.counts.failed > 0);

  /** One after the other; says how many went well, and the first reason why not. */
  async function each(
    some: readonly Job[],
    done: string,
    what: (job: Job) => Promise<unknown>,
  ): Promise<boolean> {
    let count = 0;
    let wrong: unknown;
    for (const job of some) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- in their order, and not all at the broker's door at once
        await what(job);
        count += 1;
      } catch (error) {
        wrong ??= error;
      }
    }
    if (count > 0) notes.say(`${counted(count, "job")} ${done}.`);
    if (wrong !== undefined) notes.say(sentenceOf(wrong), "failed");
    else onClear();
    return true;
  }

  const isWorkLost = open.some((job) => job.counts.running > 0);
  return (
    <div class="bulk" role="toolbar" aria-label="Selected jobs">
      <b>{counted(jobs.length, "job")} selected</b>
      {running.length > 0 && (
        <button
          type="button"
          class="button is-small"
          onClick={() => void each(running, "paused", ({ number }) => api.setIntent(number, "pause"))}
        >
          Pause
        </button>
      )}
      {paused.length > 0 && (
        <button
          type="button"
          class="button is-small"
          onClick={() => void each(paused, "resumed", ({ number }) => api.setIntent(number, "run"))}
        >
          Resume
        </button>
      )}
      {failed.length > 0 && (
        <button
          type="button"
          class="button is-small"
          onClick={() =>
            void each(failed, "requeued", ({ number }) => api.requeue(number, { failedOnly: true }))
          }
        >
          Requeue failed
        </button>
      )}
      {open.length > 0 && (
        <>
          <button
            type="button"
            class="button is-small"
            onClick={() =>
              void each(open, "raised", ({ number, priority }) =>
                api.setPriority(number, Math.min(100, priority + 10)),
              )
            }
          >
            Priority +10
          </button>
          <button type="button" class="button is-small is-danger" onClick={() => setCanceling(true)}>
            Cancel…
          </button>
        </>
      )}
      <button type="button" class="button is-small is-quiet" onClick={onClear}>
        Clear
      </button>
      {isCanceling && (
        <Dialog
          title={`Cancel ${counted(open.length, "job")}?`}
          action={`Cancel ${counted(open.length, "job")}`}
          back={open.length === 1 ? "Keep it" : "Keep them"}
          isDangerous
          onDo={() => each(open, "canceled", ({ number }) => api.setIntent(number, "cancel"))}
          onClose={() => setCanceling(false)}
        >
          <p>
            {/* Not how many: of those that a worker took together it has begun one. */}
            {isWorkLost ? "What the frames in work did so far is lost. " : ""}
            Frames that are done stay, and what is left can be requeued later.
          </p>
        </Dialog>
      )}
    </div>
  );
}
