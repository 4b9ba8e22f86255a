// The flip-book of a job as its view has it: frames and their states from the feed, pictures from the broker.
import { useMemo } from "preact/hooks";
import { progressKey } from "../../contract/feed-store.ts";
import { taskStates } from "../../contract/states.ts";
import { frameNames } from "../../contract/frame-names.ts";
import { usePreviews } from "../job/use-previews.ts";
import { useLive, type Live } from "../live.ts";
import { framePath, navigate, playPath } from "../router.tsx";
import { useStore } from "../store.ts";
import { FlipBook } from "./flipbook.tsx";
import type { ListPictures } from "./use-reels.ts";

interface JobFlipBookProps {
  job: number;
  /** The feed of this job's topic. */
  live: Live;
  /** It has the page to itself. */
  isLarge?: boolean;
}

/** Frames per second where the job says nothing of it. */
const usualRate = 24;

/** The flip-book of one job; give it a `key` by job. */
export function JobFlipBook({ job, live, isLarge = false }: JobFlipBookProps) {
  useLive(live, 200);
  const previews = usePreviews(live);
  const { api, addresses } = useStore();
  const list = useMemo<ListPictures>(
    () => (after, signal) =>
      api.listArtifacts(job, { after, limit: 1000, kind: "any", state: "current" }, signal),
    [api, job],
  );
  const { details, steps, progress } = live.client.store;
  const detail = details.get(job);
  const views = steps.get(job);
  if (!detail || !views) return null;
  // A template of somebody's own may have it among its parameters.
  const rate = detail.framesPerSecond ?? Number(detail.parameters["FramesPerSecond"]?.value);
  const { succeeded } = detail.counts;
  return (
    <FlipBook
      list={list}
      addresses={addresses}
      version={`${succeeded} ${detail.deliveredFiles} ${previews} ${live.client.state}`}
      isGrowing={detail.endedAt === null}
      isLive={live.client.state === "live"}
      framesPerSecond={rate > 0 && rate <= 240 ? rate : usualRate}
      countOf={(step) => views.get(step)?.states.length ?? 0}
      frameOf={(step, ordinal) => {
        const view = views.get(step);
        return {
          state: taskStates[view?.states[ordinal] ?? 1] ?? "ready",
          name: frameNames(view?.frames ?? null)(ordinal),
          isPaused: detail.intent === "pause",
          percent: progress.get(progressKey(job, step, ordinal))?.percent ?? null,
        };
      }}
      large={isLarge ? null : playPath(job)}
      onOpen={(step, ordinal) => navigate(framePath(job, step, ordinal))}
    />
  );
}
