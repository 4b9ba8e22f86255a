// What can be done with a job: pause, resume, requeue, priority, cancel. Asked first where work is lost.
import { useRef, useState } from "preact/hooks";
import type { Job } from "../../contract/job.ts";
import { useMe } from "../me.ts";
import { useStore } from "../store.ts";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icon.tsx";
import { useLostFocus } from "../ui/lost-focus.ts";
import { Menu } from "../ui/menu.tsx";
import { counted } from "../words.ts";

type Asking = "cancel" | "requeue-all" | "priority" | null;

/** The buttons of a job, of which `begun` frames are in work: those that only wait on their worker did nothing yet. */
export function JobActions({ job, begun }: { job: Job; begun: number }) {
  const { api, act, notes } = useStore();
  const me = useMe();
  const [asking, setAsking] = useState<Asking>(null);
  /** As somebody types it. */
  const [priority, setPriority] = useState("");
  const { number, counts } = job;
  /** Pausing, going on and canceling: of these the last one is true. */
  const about = `intent ${number}`;
  const isOpen = job.endedAt === null;
  const waiting = counts.ready + counts.blocked + counts.running - begun;
  const again = counts.failed + counts.canceled;
  const maySteer = me.may("setJobIntent", job);
  const mayRequeue = me.may("requeueTasks", job);
  const place = useRef<HTMLDivElement>(null);
  useLostFocus(place, again > 0);
  const menu = [
    me.may("setJobPriority", job) && {
      label: "Change priority…",
      onChoose: () => {
        setPriority(String(job.priority));
        setAsking("priority");
      },
    },
    mayRequeue && { label: "Render all frames again…", onChoose: () => setAsking("requeue-all") },
    maySteer && {
      label: "Cancel job…",
      isDangerous: true,
      isDisabled: !isOpen || job.intent === "cancel",
      onChoose: () => setAsking("cancel"),
    },
  ].filter((item) => item !== false);

  const requeue = (body: { failedOnly?: boolean }) =>
    act(async () => {
      const { requeued } = await api.requeue(number, body);
      notes.say(`${counted(requeued, "frame")} asked for again.`);
    });

  return (
    <div class="job-actions" ref={place} tabIndex={-1}>
      {maySteer && isOpen && job.intent !== "cancel" && (
        // One button for both: with another in its place whoever pressed it by keyboard would lose the focus.
        <button
          type="button"
          class={job.intent === "pause" ? "button is-primary" : "button"}
          onClick={() =>
            void (job.intent === "pause"
              ? act(() => api.setIntent(number, "run"), `${job.name} goes on.`, about)
              : act(
                  () => api.setIntent(number, "pause"),
                  `${job.name} pauses after its frames in work.`,
                  about,
                ))
          }
        >
          <Icon name={job.intent === "pause" ? "play" : "pause"} />{" "}
          {job.intent === "pause" ? "Resume" : "Pause"}
        </button>
      )}
      {mayRequeue && again > 0 && (
        <button type="button" class="button" onClick={() => void requeue({ failedOnly: true })}>
          <Icon name="again" /> Requeue {counted(again, counts.canceled > 0 ? "frame" : "failed frame")}
        </button>
      )}
      {menu.length > 0 && (
        <Menu label="More for this job" class="button is-icon" items={menu}>
          <Icon name="more" />
        </Menu>
      )}
      {asking === "cancel" && (
        <Dialog
          title={`Cancel ${job.name}?`}
          action="Cancel job"
          back="Keep it"
          isDangerous
          onDo={() => act(() => api.setIntent(number, "cancel"), `${job.name} is canceled.`, about)}
          onClose={() => setAsking(null)}
        >
          <p>
            {begun > 0 && `What ${counted(begun, "running frame")} did so far is lost. `}
            {waiting > 0 && `${counted(waiting, "waiting frame")} will not be rendered. `}
            {counts.succeeded > 0 &&
              `${counted(counts.succeeded, "frame")} that ${counts.succeeded === 1 ? "is" : "are"} done stay${counts.succeeded === 1 ? "s" : ""}. `}
            {begun + waiting === 1 ? "It" : "The rest"} can be requeued later.
          </p>
        </Dialog>
      )}
      {asking === "requeue-all" && (
        <Dialog
          title="Render all frames again?"
          action="Render all again"
          onDo={() => requeue({})}
          onClose={() => setAsking(null)}
        >
          <p>
            {counts.succeeded > 0
              ? `${counted(counts.succeeded, "frame")} that ${counts.succeeded === 1 ? "is" : "are"} done will be rendered anew. Each file stays until its new one replaces it.`
              : "Everything that is over is rendered anew."}{" "}
            Frames that run now are left alone.
          </p>
        </Dialog>
      )}
      {asking === "priority" && (
        <Dialog
          title="Priority"
          action="Set priority"
          onDo={() =>
            act(
              () => api.setPriority(number, Number(priority)),
              `Priority of ${job.name} is ${priority} now.`,
            )
          }
          onClose={() => setAsking(null)}
        >
          <p>Jobs of a higher priority go first. 50 is usual.</p>
          <div class="priority">
            <input
              type="range"
              class="slider"
              min={0}
              max={100}
              aria-label="Priority"
              value={Number(priority)}
              style={{ "--part": `${Math.min(100, Number(priority))}%` }}
              onInput={(event) => setPriority(event.currentTarget.value)}
            />
            <input
              type="number"
              class="input"
              required
              min={0}
              max={100}
              step={1}
              aria-label="Priority as a number"
              value={priority}
              onInput={(event) => setPriority(event.currentTarget.value)}
            />
          </div>
        </Dialog>
      )}
    </div>
  );
}
