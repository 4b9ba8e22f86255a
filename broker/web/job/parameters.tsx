// What a job was submitted with: parameters, settings, where its files go.
import type { FeedJobDetail } from "../../contract/feed.ts";
import { useStore } from "../store.ts";
import { templateReader } from "../submit/reader.ts";
import { useLoad } from "../views/use-load.ts";
import { counted } from "../words.ts";

type Row = [name: string, text: string];

/** What is this job's own first; what is as its template has it is there for who asks. Settings in words. */
export function Parameters({ job }: { job: FeedJobDetail }) {
  const { api } = useStore();
  const { value } = useLoad((signal) => api.getJob(job.number, signal), String(job.number));
  const defaults = useDefaults(job.templateName);
  const settings = value?.settings;
  const rows: Row[] = Object.entries(job.parameters).map(([name, one]) => [name, one.value]);
  const isOwn = ([name, text]: Row) => text !== (defaults?.get(name) ?? "");
  const own = rows.filter(isOwn);
  const usual = rows.filter((row) => !isOwn(row));
  const said: Row[] = [];
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
      <Pairs rows={own} />
      {usual.length > 0 && (
        <details class="pairs-more">
          <summary>
            {own.length > 0 ? `${usual.length} more ` : `${usual.length} `}
            {defaults ? "as the template has them" : "that are empty"}
          </summary>
          <Pairs rows={usual} />
        </details>
      )}
      <Pairs rows={said} />
    </section>
  );
}

function Pairs({ rows }: { rows: readonly Row[] }) {
  if (rows.length === 0) return null;
  return (
    <dl class="pairs">
      {rows.map(([name, text]) => (
        <div key={name} class="pair">
          <dt>{name}</dt>
          <dd>{text === "" ? <span class="faint">empty</span> : text}</dd>
        </div>
      ))}
    </dl>
  );
}

/** What a template that came with the broker says where nobody chose; null while, or where, that is not known. */
function useDefaults(template: string | null): ReadonlyMap<string, string> | null {
  const { api } = useStore();
  const { value } = useLoad(async (signal) => {
    if (template === null) return null;
    const [{ readTemplate }, { text }] = await Promise.all([
      templateReader(),
      api.getTemplate(template, signal),
    ]);
    const definitions = readTemplate(text).template?.definitions;
    return definitions ? new Map(definitions.map((one) => [one.name, one.default ?? ""])) : null;
  }, template ?? "");
  return value ?? null;
}
