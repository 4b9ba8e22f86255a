// One frame of a job: its picture and files, its tries, why it failed, and the log of the try that is looked at.
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Artifact } from "../../contract/attempt.ts";
import { ProblemError } from "../../contract/client.ts";
import { frameTitle } from "../../contract/frame-names.ts";
import { progressKey } from "../../contract/feed-store.ts";
import type { FeedMessage } from "../../contract/feed.ts";
import type { Task } from "../../contract/job.ts";
import { taskStates, type TaskState } from "../../contract/states.ts";
import type { Api } from "../api.ts";
import { PausedWhy } from "../job/paused-note.tsx";
import { useLive, type Live } from "../live.ts";
import { jobPath, Link } from "../router.tsx";
import { useStore, useTopic } from "../store.ts";
import { StateMark } from "../ui/chip.tsx";
import { Nothing, Trouble } from "../ui/nothing.tsx";
import { FrameHead } from "./frame-head.tsx";
import { FrameTries } from "./frame-tries.tsx";
import { LogView } from "./log.tsx";
import { FrameFiles, FramePictures } from "./pictures.tsx";
import { useLoad } from "./use-load.ts";

interface FrameViewProps {
  job: number;
  step: string;
  ordinal: number;
}

/** Of a task that made very many files each that comes home is told: what is shown of it is asked for no oftener, ms. */
const restMs = 300;

/** The view of one frame. */
export function FrameView({ job, step, ordinal }: FrameViewProps) {
  const { api, addresses } = useStore();
  const live = useTopic(`job:${job}`);
  const version = useVersion(live, job, step, ordinal);
  const key = `${job} ${step} ${ordinal}`;
  const task = useLoad(
    (signal) => api.listTasks(job, { step, ordinal, limit: 1 }, signal),
    key,
    version,
    restMs,
  );
  const tries = useLoad(
    (signal) => api.listAttempts(job, { step, ordinal, limit: 1000 }, signal),
    key,
    version,
    restMs,
  );
  const artifacts = useLoad((signal) => everyFile(api, { job, step, ordinal }, signal), key, version, restMs);
  const [chosen, setChosen] = useState<string | null>(null);
  useEffect(() => setChosen(null), [key]);
  // A restored database may not know what was shown of it before.
  const isNoJob = task.error instanceof ProblemError && task.error.code === "not-found";
  const found = isNoJob ? undefined : task.value?.items[0];
  const all = tries.value?.items ?? [];
  const current = all.find(({ id }) => id === chosen) ?? all[0];
  const files = artifacts.value ?? [];
  const ofTry = files.filter(({ attemptId }) => attemptId === current?.id);
  const shown = chosen !== null && ofTry.length > 0 ? ofTry : filesThatCount(files);
  return (
    <div class="frame" data-job={job} data-ordinal={ordinal}>
      {/* The feed knows it before it is fetched: whoever steps through the frames keeps the buttons for it. */}
      {live && !isNoJob && <LiveHead job={job} step={step} ordinal={ordinal} task={found} live={live} />}
      {found === undefined ? (
        <NoFrame
          job={job}
          error={task.error}
          isNoJob={isNoJob}
          isMissing={task.value !== undefined}
          onAgain={task.again}
        />
      ) : (
        <>
          {found.state === "failed" && found.reason !== null && (
            <section class="why" role="alert">
              <StateMark mark="failed" />
              <div>
                <h2>Why it failed</h2>
                <p class="why-reason">{found.reason}</p>
                <p class="muted">
                  {found.failures > 1 ? `It was tried ${found.failures} times. ` : ""}
                  Mend it and render this frame again, or read its log below.
                </p>
              </div>
            </section>
          )}
          {/* Where there is nothing to look at, the log stands beside the tries. */}
          <div class={shown.length === 0 ? "frame-columns is-bare" : "frame-columns"}>
            <div class="frame-main">
              <FramePictures
                artifacts={shown}
                addresses={addresses}
                nothing={
                  artifacts.value === undefined ? "Fetching…" : nothingWords(found.state, shown.length)
                }
              />
              <FrameFiles artifacts={shown} />
            </div>
            <aside class="frame-side">
              <section aria-label="Tries">
                <h2>Tries</h2>
                {all.length === 0 ? (
                  <p class="muted">
                    {tries.value === undefined || live === null ? (
                      "Fetching…"
                    ) : (
                      <Untried job={job} state={found.state} live={live} />
                    )}
                  </p>
                ) : (
                  <FrameTries key={key} tries={all} chosen={current?.id} onChoose={setChosen} />
                )}
              </section>
              <Parameters task={found} />
            </aside>
            {current !== undefined && (
              <div class="frame-log">
                <TryLog
                  key={current.id}
                  attempt={current.id}
                  name={`job-${job}-frame-${found.frame ?? ordinal}-try-${all.length - all.indexOf(current)}.log`}
                />
              </div>
            )}
          </div>
        </>
      )}
    </div>
  );
}

/** The files of a frame. Of a simulation that is one task they may be thousands. */
async function everyFile(
  api: Api,
  { job, step, ordinal }: FrameViewProps,
  signal: AbortSignal,
): Promise<Artifact[]> {
  const files: Artifact[] = [];
  for (let after: string | undefined; ;) {
    const query = { step, ordinal, kind: "any", limit: 1000, after };
    // oxlint-disable-next-line no-await-in-loop -- page after page
    const { items, next } = await api.listArtifacts(job, query, signal);
    files.push(...items);
    if (next === null) return files;
    after = next;
  }
}

/** Instead of a frame: it is on its way, did not come, or is none. */
function NoFrame(props: {
  job: number;
  error: unknown;
  isNoJob: boolean;
  isMissing: boolean;
  onAgain: () => void;
}) {
  const { job, error, isNoJob, isMissing, onAgain } = props;
  if (isNoJob || isMissing)
    return (
      <Nothing title={isNoJob ? `There is no job ${job}` : "There is no such frame"}>
        <p>{isNoJob ? "It was never submitted here." : `Job ${job} has no frame at this address.`}</p>
        <Link class="button" to={isNoJob ? "/" : jobPath(job)}>
          {isNoJob ? "All jobs" : "See the job"}
        </Link>
      </Nothing>
    );
  if (error !== null) return <Trouble error={error} onAgain={onAgain} />;
  return <Nothing title="Fetching the frame" isLoading />;
}

/** Results that count; of a frame that never succeeded, what its last tries left. */
function filesThatCount<T extends { state: string }>(files: readonly T[]): T[] {
  const current = files.filter(({ state }) => state === "current");
  return current.length > 0 ? current : files.filter(({ state }) => state === "partial").slice(-20);
}

function nothingWords(state: TaskState, files: number): string {
  if (files > 0) return "No picture: a browser shows none of its files, and there is no preview.";
  if (state === "succeeded") return "This frame made no file.";
  if (state === "running") return "Its picture appears here when it is done.";
  return state === "failed" ? "It left no picture." : "No picture yet.";
}

/** Why there is no try yet. */
function Untried({ job, state, live }: { job: number; state: TaskState; live: Live }) {
  const { live: all } = useStore();
  useLive(live);
  // Whether pools and workers are paused comes by the other feed.
  useLive(all);
  const detail = live.client.store.details.get(job);
  if (state === "canceled") return <>It was canceled before it was tried.</>;
  if (state === "blocked") return <>Not tried yet: it waits for another step.</>;
  if (detail?.intent === "pause") return <>Not tried yet: its job is paused.</>;
  const forWorker = "it waits for a worker.";
  if (detail === undefined) return <>Not tried yet: {forWorker}</>;
  return <PausedWhy job={detail}>{(why) => `Not tried yet: ${why ?? forWorker}`}</PausedWhy>;
}

interface LiveHeadProps extends FrameViewProps {
  /** Undefined until it is fetched. */
  task: Task | undefined;
  live: Live;
}

function LiveHead({ job, step, ordinal, task, live }: LiveHeadProps) {
  useLive(live);
  const { store } = live.client;
  const detail = store.details.get(job);
  const view = store.steps.get(job)?.get(step);
  const index = view?.states[ordinal];
  const state = index === undefined ? task?.state : taskStates[index];
  if (state === undefined) return null;
  const progress = state === "running" ? (store.progress.get(progressKey(job, step, ordinal)) ?? null) : null;
  const number = task?.frame ?? null;
  const fetched = number === null ? step : `Frame ${number}`;
  const title = view ? frameTitle(step, view.frames, ordinal, view.states.length) : fetched;
  return (
    <FrameHead
      job={job}
      step={step}
      ordinal={ordinal}
      title={title}
      name={detail?.name ?? null}
      owner={detail?.owner ?? null}
      state={state}
      seconds={task?.seconds ?? null}
      worker={task?.worker ?? null}
      total={view?.states.length ?? null}
      progress={progress}
      isNext={view !== undefined && state === "running" && progress === null}
    />
  );
}

function Parameters({ task }: { task: Task }) {
  const entries = Object.entries(task.parameters);
  if (entries.length === 0) return null;
  return (
    <section aria-label="Parameters">
      <h2>Parameters</h2>
      <dl class="facts">
        {entries.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** The log of a try, which is followed as long as it is looked at. */
function TryLog({ attempt, name }: { attempt: string; name: string }) {
  const { api } = useStore();
  const live = useTopic(`log:${attempt}`);
  const read = useMemo(
    () => (from: number, limit: number, signal: AbortSignal) => api.readLog(attempt, from, limit, signal),
    [api, attempt],
  );
  return live === null ? (
    <div class="log" />
  ) : (
    <LiveLog live={live} attempt={attempt} name={name} read={read} />
  );
}

function LiveLog(props: {
  live: Live;
  attempt: string;
  name: string;
  read: (from: number, limit: number, signal: AbortSignal) => Promise<Uint8Array>;
}) {
  useLive(props.live);
  const known = props.live.client.store.logs.get(props.attempt);
  return (
    <LogView
      name={props.name}
      read={props.read}
      length={known?.bytes ?? null}
      complete={known?.complete ?? false}
      isLive={props.live.client.state === "live"}
    />
  );
}

/** A word that changes when the feed says something about this frame. */
function useVersion(live: Live | null, job: number, step: string, ordinal: number): string {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    if (live === null) return undefined;
    const isBegun = () => live.client.store.progress.has(progressKey(job, step, ordinal));
    let wasBegun = isBegun();
    return live.listen((messages) => {
      const isNews = isBegun() !== wasBegun;
      wasBegun = isBegun();
      if (isNews || messages.some((message) => concerns(message, step, ordinal))) setVersion((n) => n + 1);
    });
  }, [live, job, step, ordinal]);
  return String(version);
}

const kinds: readonly string[] = ["task.changed", "artifact.delivered", "artifact.previewed"];

function concerns(message: FeedMessage, step: string, ordinal: number): boolean {
  // After a connection was lost, anything may have happened.
  if (message.type === "snapshot") return true;
  if (message.type !== "events") return false;
  return message.events.some(
    (event) =>
      kinds.includes(event.kind) &&
      (event.step === null || event.step === step) &&
      (event.first === null || (event.first <= ordinal && ordinal <= (event.last ?? event.first))),
  );
}
