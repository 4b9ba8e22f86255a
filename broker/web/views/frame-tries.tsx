// The tries of one frame, newest first: what became of each, where, how long; one of them is looked at.
import { useState } from "preact/hooks";
import type { Attempt } from "../../contract/attempt.ts";
import { stateWords } from "../../contract/state-words.ts";
import type { AttemptState, FailureClass } from "../../contract/states.ts";
import { StateMark } from "../ui/chip.tsx";
import { Moment } from "../ui/time.tsx";
import { counted, duration, type Mark } from "../words.ts";

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

/** So many of the newest are shown; the log below is what people came for. */
const shownAtFirst = 3;

/** The newest tries and the one that is looked at; the others for who asks. */
export function FrameTries({ tries, chosen, onChoose }: FrameTriesProps) {
  const [isWhole, setWhole] = useState(false);
  // For one alone a button would take its place.
  const isAll = isWhole || tries.length <= shownAtFirst + 1;
  const isShown = (one: Attempt, index: number) => isAll || index < shownAtFirst || one.id === chosen;
  const hidden = tries.length - tries.filter(isShown).length;
  return (
    <>
      <ol class="tries" reversed>
        {tries.map((one, index) =>
          isShown(one, index) ? (
            <Try
              key={one.id}
              attempt={one}
              number={tries.length - index}
              isChosen={one.id === chosen}
              onChoose={onChoose}
            />
          ) : null,
        )}
      </ol>
      {hidden > 0 && (
        <button type="button" class="button is-small is-quiet tries-more" onClick={() => setWhole(true)}>
          {counted(hidden, "earlier try", "earlier tries")}
        </button>
      )}
    </>
  );
}

interface TryProps {
  attempt: Attempt;
  /** From 1, the first one. */
  number: number;
  isChosen: boolean;
  onChoose: (id: string) => void;
}

function Try({ attempt: one, number, isChosen, onChoose }: TryProps) {
  const note = one.failureClass === null ? null : blame[one.failureClass];
  const { exitCode, reason } = one;
  // Most reasons say it themselves.
  const isToldOf = exitCode !== null && (reason?.includes(`code ${exitCode}`) ?? false);
  return (
    <li>
      <button type="button" class="try" aria-pressed={isChosen} onClick={() => onChoose(one.id)}>
        <StateMark mark={tryMark(one.state)} />
        <span class="try-head">
          <b>Try {number}</b> {tryWords(one.state)}
        </span>
        <span class="try-when">
          <Moment at={one.endedAt ?? one.startedAt ?? one.createdAt} />
        </span>
        <span class="try-facts">
          {one.worker}
          {one.device === null ? "" : ` · ${one.device}`}
          {one.seconds === null ? "" : ` · ${duration(one.seconds)}`}
        </span>
        {reason !== null && <span class="try-reason">{reason}</span>}
        {note !== null && <span class="try-note">{note}</span>}
        {exitCode !== null && exitCode !== 0 && !isToldOf && (
          <span class="try-note">The program ended with code {exitCode}.</span>
        )}
      </button>
    </li>
  );
}
