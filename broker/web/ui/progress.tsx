// How far a job or a step is: done, failed, canceled, running and next side by side, the rest empty.
import type { TaskCounts } from "../../contract/job.ts";
import { percent } from "../words.ts";

interface ProgressProps {
  counts: TaskCounts;
  total: number;
  /** Of those that run, as many are begun; the others are next. Default: all. */
  begun?: number | undefined;
  isLarge?: boolean;
  label?: string;
}

/** The bar. Its parts differ by pattern too, and its text says the same. */
export function Progress({ counts, total, begun, isLarge = false, label = "Frames done" }: ProgressProps) {
  const { succeeded, failed, canceled, running } = counts;
  const rest = Math.max(0, total - succeeded - failed - canceled - running);
  const parts = [
    ["done", succeeded],
    ["failed", failed],
    ["canceled", canceled],
    ["running", begun ?? running],
    ["next", running - (begun ?? running)],
    ["rest", rest],
  ] as const;
  return (
    <div
      class={isLarge ? "bar is-large" : "bar"}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={total}
      aria-valuenow={succeeded}
      aria-valuetext={`${percent(succeeded, total)} done${failed > 0 ? `, ${failed} failed` : ""}`}
    >
      {parts.map(
        ([kind, count]) =>
          count > 0 && <span key={kind} class={`bar-part is-${kind}`} style={{ flexGrow: String(count) }} />,
      )}
    </div>
  );
}
