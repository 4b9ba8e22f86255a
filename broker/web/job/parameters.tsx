// What a job was submitted with: parameters, settings, where its files go.
import type { FeedJobDetail } from "../../contract/feed.ts";
import { useStore } from "../store.ts";
import { useLoad } from "../views/use-load.ts";
import { counted } from "../words.ts";

/** Parameters as they are, settings in words. */
export function Parameters({ job }: { job: FeedJobDetail }) {
  const { api } = useStore();
  const { value } = useLoad((signal) => api.getJob(job.number, signal), String(job.number));
  const settings = value?.settings;
  const rows: [string, string][] = Object.entries(job.parameters).map(([name, one]) => [name, one.value]);
  const said: [string, string][] = [];
  if (job.outputPattern !== null) said.push(["Files", job.outputPattern]);
  if (settings) {
    said.push([
      "Tries again",
      settings.maxRetries === 0 ? "never" : `${counted(settings.maxRetries, "time")} a frame`,
    ]);
    said.push(["Stops after", counted(settings.maxFailedTasks, "failed frame")]);
    if (settings.pool !== undefined) said.push(["Pool", settings.pool]);
    if (settings.blenderSeries !== undefined) said.push(["Blender", settings.blenderSeries]);
    if (settings.frameTimeoutSeconds !== undefined)
      said.push(["A frame may take", `${settings.frameTimeoutSeconds} s`]);
    said.push(["Files go home by", settings.home === "broker" ? "the broker" : "tally pull"]);
  }
  if (rows.length + said.length === 0) return null;
  return (
    <section class="panel" aria-label="Parameters">
      <div class="panel-head">
        <h2>Parameters</h2>
        {job.deliveredFiles > 0 && <span class="muted">{counted(job.deliveredFiles, "file")} home</span>}
      </div>
      <dl class="pairs">
        {[...rows, ...said].map(([name, text], index) => (
          <div key={name} class={index === rows.length && rows.length > 0 ? "pair is-first" : "pair"}>
            <dt>{name}</dt>
            <dd>{text === "" ? <span class="faint">empty</span> : text}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
