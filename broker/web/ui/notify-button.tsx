// Turns browser notices on and off.
import { useState } from "preact/hooks";
import { areNoticesOn, areNoticesPossible, setNotices } from "../notices.ts";
import { useStore } from "../store.ts";
import { Icon } from "./icon.tsx";

/** A bell; pressed: jobs that end, fail or stall are told. */
export function NotifyButton() {
  const { notes } = useStore();
  const [isOn, setOn] = useState(areNoticesOn);
  if (!areNoticesPossible()) return null;
  async function toggle(): Promise<void> {
    const isNow = await setNotices(!isOn);
    setOn(isNow);
    if (isNow) notes.say("You are told when a job ends, fails or stalls, as long as this page is open.");
    else if (!isOn)
      notes.say("The browser does not allow notices from this page. Allow them in its settings.", "failed");
  }
  return (
    <button
      type="button"
      class="button is-quiet is-icon wide"
      aria-label="Tell me when a job ends"
      title="Tell me when a job ends, fails or stalls"
      aria-pressed={isOn}
      onClick={() => void toggle()}
    >
      <Icon name="bell" />
    </button>
  );
}
