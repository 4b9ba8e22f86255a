// The steps of a job as a drawing of what waits for what; each with its own progress.
import type { FeedJobDetail } from "../../contract/feed.ts";
import { Progress } from "../ui/progress.tsx";
import { counted, duration } from "../words.ts";
import { placeSteps } from "./steps-graph.ts";

const box = { width: 220, height: 84, across: 56, down: 16 };

/** Nothing where there is only one step. */
export function Steps({ job, begun }: { job: FeedJobDetail; begun: ReadonlyMap<string, number> }) {
  if (job.steps.length < 2) return null;
  const places = placeSteps(job.steps);
  const columns = 1 + Math.max(...places.map((place) => place.column));
  const rows = 1 + Math.max(...places.map((place) => place.row));
  const width = columns * box.width + (columns - 1) * box.across;
  const height = rows * box.height + (rows - 1) * box.down;
  const left = (column: number) => column * (box.width + box.across);
  const top = (row: number) => row * (box.height + box.down);
  const byName = new Map(places.map((place) => [place.name, place]));
  return (
    <section class="panel" aria-label="Steps">
      <div class="panel-head">
        <h2>Steps</h2>
        <span class="muted">{counted(job.steps.length, "step")}, from left to right</span>
      </div>
      <div class="steps-scroll">
        <div class="steps" style={{ width: `${width}px`, height: `${height}px` }}>
          <svg width={width} height={height} aria-hidden="true">
            {places.flatMap((to) =>
              to.dependsOn.map((name) => {
                const from = byName.get(name);
                if (!from) return null;
                const x1 = left(from.column) + box.width;
                const y1 = top(from.row) + box.height / 2;
                const x2 = left(to.column) - 5;
                const y2 = top(to.row) + box.height / 2;
                const middle = (x1 + x2) / 2;
                return (
                  <g key={`${name}\n${to.name}`}>
                    <path d={`M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`} />
                    <path d={`M${x2 - 5} ${y2 - 5}l6 5-6 5`} />
                  </g>
                );
              }),
            )}
          </svg>
          <ol>
            {job.steps.map(({ name, counts, taskCount, meanSeconds, dependsOn }, index) => {
              const place = places[index];
              if (!place) return null;
              const isDone = counts.succeeded === taskCount;
              const isBlocked = counts.blocked === taskCount;
              return (
                <li
                  key={name}
                  class={`step-box${isDone ? " is-done" : ""}${isBlocked ? " is-blocked" : ""}`}
                  style={{
                    left: `${left(place.column)}px`,
                    top: `${top(place.row)}px`,
                    width: `${box.width}px`,
                    height: `${box.height}px`,
                  }}
                >
                  <b>{name}</b>
                  <Progress
                    counts={counts}
                    total={taskCount}
                    begun={begun.get(name)}
                    label={`Frames of ${name}`}
                  />
                  <small>
                    {isBlocked && dependsOn.length > 0
                      ? `waits for ${dependsOn.join(", ")}`
                      : `${counts.succeeded.toLocaleString("en-US")} of ${counted(taskCount, "frame")}`}
                    {meanSeconds !== null && `, ${duration(meanSeconds)} each`}
                  </small>
                </li>
              );
            })}
          </ol>
        </div>
      </div>
    </section>
  );
}
