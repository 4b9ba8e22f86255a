// Tally's own settings of a job, beside the template's: name, priority, where, how often, in what order.
import type { SettingsForm } from "../submit/body.ts";

interface SubmitSettingsProps {
  settings: SettingsForm;
  pools: readonly string[];
  /** The template's own form asks for the job's name. */
  isNamed: boolean;
  /** The template reads files of a person. */
  readsFiles: boolean;
  /** There are workers of the broker's own machine. */
  hasLocal: boolean;
  mistakes: Readonly<Record<string, string>>;
  onChange: (settings: SettingsForm) => void;
}

/** The group of settings at the end of the form. */
export function SubmitSettings({
  settings,
  pools,
  isNamed,
  readsFiles,
  hasLocal,
  mistakes,
  onChange,
}: SubmitSettingsProps) {
  const set = (more: Partial<SettingsForm>) => onChange({ ...settings, ...more });
  const text = (key: "name" | "priority" | "maxRetries", label: string, placeholder: string) => (
    <div class={mistakes[key] === undefined ? "field" : "field is-wrong"}>
      <label class="field-label" for={`setting-${key}`}>
        {label}
      </label>
      <input
        id={`setting-${key}`}
        class="input"
        type="text"
        inputMode={key === "name" ? "text" : "numeric"}
        placeholder={placeholder}
        value={settings[key]}
        aria-invalid={mistakes[key] !== undefined}
        onInput={(event) => set({ [key]: event.currentTarget.value })}
      />
      {mistakes[key] !== undefined && (
        <p class="field-wrong" role="alert">
          {mistakes[key]}
        </p>
      )}
    </div>
  );
  const known = ["name", "priority", "maxRetries", "filesInPlace"];
  const others = Object.entries(mistakes).filter(([key]) => !known.includes(key));
  return (
    <fieldset class="form-group">
      <legend>Job</legend>
      <div class="form-grid">
        {!isNamed && text("name", "Name of the job", "As the template says")}
        {text("priority", "Priority", "50; 0 to 100, higher is earlier")}
        {text("maxRetries", "Tries again after a failure", "2")}
        {pools.length > 1 && (
          <div class="field">
            <label class="field-label" for="setting-pool">
              Workers
            </label>
            <select
              id="setting-pool"
              class="input"
              value={settings.pool}
              onChange={(event) => set({ pool: event.currentTarget.value })}
            >
              <option value="">any pool</option>
              {pools.map((pool) => (
                <option key={pool} value={pool}>
                  {pool}
                </option>
              ))}
            </select>
          </div>
        )}
        <div class="field">
          <label class="field-label" for="setting-order">
            Order of frames
          </label>
          <select
            id="setting-order"
            class="input"
            value={settings.order}
            onChange={(event) => set({ order: event.currentTarget.value as SettingsForm["order"] })}
          >
            <option value="in-order">one after the other</option>
            <option value="first-middle-last">first, last and middle first</option>
            <option value="every-nth">every n-th first</option>
          </select>
        </div>
        <div class="field">
          <label class="field-check">
            <input
              type="checkbox"
              checked={settings.paused}
              onChange={(event) => set({ paused: event.currentTarget.checked })}
            />
            Submit it paused
          </label>
        </div>
        {readsFiles && hasLocal && (
          <div class={mistakes["filesInPlace"] === undefined ? "field is-wide" : "field is-wide is-wrong"}>
            <label class="field-check">
              <input
                type="checkbox"
                checked={settings.inPlace}
                onChange={(event) => set({ inPlace: event.currentTarget.checked })}
              />
              Read files where they lie, on the broker's own machine
            </label>
            <p class="field-hint">
              A page cannot send folders of files. Paths are read by workers on the broker's machine; without
              this, each worker must have them under the same path. To send files from another machine, type{" "}
              <code>tally submit</code> there.
            </p>
            {mistakes["filesInPlace"] !== undefined && (
              <p class="field-wrong" role="alert">
                {mistakes["filesInPlace"]}
              </p>
            )}
          </div>
        )}
      </div>
      {others.map(([key, detail]) => (
        <p key={key} class="field-wrong" role="alert">
          {key}: {detail}
        </p>
      ))}
    </fieldset>
  );
}
