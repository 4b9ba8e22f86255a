// The tab's own sign: a ring that fills as the job is rendered; red after a failure.
import { useEffect, useRef } from "preact/hooks";
import type { Job } from "../contract/job.ts";
import type { Route } from "./router.tsx";
import { useStore } from "./store.ts";

const size = 32;

/** Shows the progress of the job that is open, or of all that run. */
export function useFavicon(route: Route): void {
  const { live } = useStore();
  const shown = useRef("");
  useEffect(() => {
    const look = () => {
      const key = keyOf(jobsOf(live.client.store.jobs, route));
      if (key === shown.current) return;
      shown.current = key;
      draw(key);
    };
    look();
    return live.listen(look);
  }, [live, route.view, "job" in route ? route.job : 0]);
}

function jobsOf(jobs: ReadonlyMap<number, Job>, route: Route): Job[] {
  if ("job" in route) {
    const job = jobs.get(route.job);
    return job ? [job] : [];
  }
  return [...jobs.values()].filter((job) => job.endedAt === null);
}

/** What is to be drawn, in steps of 1/20, so that it is not drawn a hundred times a second. */
function keyOf(jobs: readonly Job[]): string {
  const total = jobs.reduce((sum, job) => sum + job.taskCount, 0);
  const done = jobs.reduce((sum, job) => sum + job.counts.succeeded, 0);
  const hasFailed = jobs.some((job) => job.counts.failed > 0);
  if (total === 0) return "idle";
  return `${hasFailed ? "failed" : done === total ? "done" : "running"} ${Math.floor((done / total) * 20)}`;
}

function draw(key: string): void {
  const [kind = "idle", parts = "20"] = key.split(" ");
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const pen = canvas.getContext("2d");
  const link = document.querySelector<HTMLLinkElement>("link[rel=icon]");
  if (!pen || !link) return;
  const colors: Record<string, string> = { failed: "#f4665e", done: "#3fae7c" };
  const color = colors[kind] ?? "#f0b43c";
  pen.lineWidth = 6;
  pen.strokeStyle = "#8888";
  pen.beginPath();
  pen.arc(size / 2, size / 2, 12, 0, Math.PI * 2);
  pen.stroke();
  pen.strokeStyle = color;
  pen.beginPath();
  pen.arc(size / 2, size / 2, 12, -Math.PI / 2, -Math.PI / 2 + (Number(parts) / 20) * Math.PI * 2);
  pen.stroke();
  pen.fillStyle = color;
  pen.beginPath();
  pen.arc(size / 2, size / 2, 5, 0, Math.PI * 2);
  pen.fill();
  link.href = canvas.toDataURL("image/png");
}
