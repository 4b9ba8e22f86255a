// The tab's title of a job: how far it is, or what became of it, then its name.
import { useEffect } from "preact/hooks";
import type { Job } from "../../contract/job.ts";
import { jobWords, percent } from "../words.ts";

/** Sets it; nothing until the job is known. */
export function useJobTitle(job: Job | undefined): void {
  useEffect(() => {
    if (!job) return;
    const { state, counts, taskCount, name } = job;
    const begin = state === "running" ? percent(counts.succeeded, taskCount) : jobWords[state].word;
    document.title = `${begin} ${name} – Tally`;
  });
}
