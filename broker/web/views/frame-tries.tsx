// The tries of one frame, newest first: what became of each, where, how long; one of them is looked at.
import type { Attempt } from "../../contract/attempt.ts";
import { stateWords } from "../../contract/state-words.ts";
import type { AttemptState, FailureClass } from "../../contract/states.ts";
import { StateMark } from "../ui/chip.tsx";
import { Moment } from "../ui/time.tsx";
import { duration, type Mark } from "../words.ts";

/** What a try is called on the page. */
export function tryWords(state: AttemptState): string {
  return stateWords[state];
}

/** The mark beside a try; the same shapes as for frames. */
export function tryMark(state: AttemptState): Mark {
  if (state === "leased") return "waiting";
  if (state === "started") return "running";
  if (state === "succeeded") return "done";
  return state === "failed" || state === "expired" ? "failed" : "canceled";
}

const blame: Readonly<Record<FailureClass, string | null>> = {
  task: null,
  host: "The machine was to blame, so this try does not count against the frame.",
  capacity: "There was no room for it, so this try does not count against the frame.",
  config: "The set-up was to blame: it would fail again until that is mended.",
  canceled: null,
};

interface FrameTriesProps {
  tries: readonly Attempt[];
  chosen: string | undefined;
  onChoose: (id: string) => void;
}

/** The list of tries. */
export function FrameTries({ tries, chosen, onChoose }: FrameTriesProps) {
  return (
    <ol class="tries" reversed>
      {tries.map((one, index) => {
        const mark = tryMark(one.state);
        const note = one.failureClass === null ? null : blame[one.failureClass];
        return (
          <li key={one.id}>
            <button
              type="button"
              class="try"
              aria-pressed={one.id === chosen}
              onClick={() => onChoose(one.id)}
            >
              <StateMark mark={mark} />
              <span class="try-head">
                <b>Try {tries.length - index}</b> {tryWords(one.state)}
              </span>
              <span class="try-when">
                <Moment at={one.endedAt ?? one.startedAt ?? one.createdAt} />
              </span>
              <span class="try-facts">
                {one.worker}
                {one.device === null ? "" : ` · ${one.device}`}
                {one.seconds === null ? "" : ` · ${duration(one.seconds)}`}
              </span>
              {one.reason !== null && <span class="try-reason">{one.reason}</span>}
              {note !== null && <span class="try-note">{note}</span>}
              {one.exitCode !== null && one.exitCode !== 0 && (
                <span class="try-note">The program ended with code {one.exitCode}.</span>
              )}
            </button>
          </li>
        );
      })}
    </ol>
  );
}
