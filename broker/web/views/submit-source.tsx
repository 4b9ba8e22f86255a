// Which template: one that came with the broker, or one's own, pasted or from a file.
import type { Answer } from "../../contract/client.ts";
import { useStore } from "../store.ts";
import type { TemplateReading } from "../submit/document.ts";
import type { Loaded } from "./use-load.ts";

interface SubmitSourceProps {
  templates: Loaded<Answer<"listTemplates">>;
  /** A template's name; empty: one's own; null: none yet. */
  chosen: string | null;
  pasted: string;
  problems: TemplateReading["problems"];
  onChoose: (name: string) => void;
  onPaste: (text: string) => void;
}

/** A template is never longer, bytes; the broker would refuse it. */
const longestFile = 4 * 1024 * 1024;

/** The column of templates. */
export function SubmitSource({ templates, chosen, pasted, problems, onChoose, onPaste }: SubmitSourceProps) {
  const { notes } = useStore();
  const { value, error, again } = templates;
  async function take(file: File | undefined): Promise<void> {
    if (!file) return;
    if (file.size <= longestFile) onPaste(await file.text());
    else notes.say(`${file.name} is too large for a template: at most 4 MiB are read.`, "failed");
  }
  return (
    <section class="source" aria-label="Templates">
      {error !== null && value === undefined && (
        <p class="submit-hint">
          The templates did not come: the broker does not answer.{" "}
          <button type="button" class="link" onClick={again}>
            Try again
          </button>
        </p>
      )}
      <ul class="source-list">
        {(value?.items ?? []).map(({ name, title, description }) => (
          <li key={name}>
            <button
              type="button"
              class="source-card"
              aria-pressed={chosen === name}
              onClick={() => onChoose(name)}
            >
              <b>{title}</b>
              <span>{description}</span>
            </button>
          </li>
        ))}
        <li>
          <button type="button" class="source-card" aria-pressed={chosen === ""} onClick={() => onChoose("")}>
            <b>Your own template</b>
            <span>Paste Open Job Description as YAML or JSON, or take a file.</span>
          </button>
        </li>
      </ul>
      {chosen === "" && (
        <div class={problems.length > 0 ? "field is-wrong" : "field"}>
          <label class="field-label" for="pasted">
            Template
          </label>
          <textarea
            id="pasted"
            class="input source-text"
            rows={14}
            spellcheck={false}
            aria-invalid={problems.length > 0}
            aria-describedby="pasted-problems"
            placeholder={"specificationVersion: jobtemplate-2023-09\nname: …"}
            value={pasted}
            onInput={(event) => onPaste(event.currentTarget.value)}
            onDragOver={(event) => event.preventDefault()}
            onDrop={(event) => {
              const file = event.dataTransfer?.files[0];
              if (!file) return;
              event.preventDefault();
              void take(file);
            }}
          />
          <label class="button is-small source-file">
            Take a file…
            <input
              type="file"
              accept=".yaml,.yml,.json"
              onChange={(event) => void take(event.currentTarget.files?.[0])}
            />
          </label>
          <ul class="problems" id="pasted-problems" role="alert">
            {problems.slice(0, 20).map(({ where, detail }) => (
              <li key={`${where} ${detail}`}>
                {where !== "" && <code>{where}</code>} {detail}
              </li>
            ))}
          </ul>
        </div>
      )}
    </section>
  );
}
