// One field of a template's form, with the control that the template names for it.
import { checkWords, mistakeOf, type Field } from "../submit/fields.ts";
import { withoutPreset, wordsOf } from "../submit/value-words.ts";

interface SubmitFieldProps {
  field: Field;
  value: string | undefined;
  /** What the broker said about it. */
  mistake: string | undefined;
  /** Where the paths of files to read count: a half-sentence. */
  readAt: string;
  onChange: (value: string) => void;
}

/** The field with its label, its hint and what is wrong with it. */
export function SubmitField({ field, value, mistake, readAt, onChange }: SubmitFieldProps) {
  const id = `field-${field.name}`;
  // What is not given yet is no mistake yet: the broker says so when it is asked.
  const own = value === undefined ? null : mistakeOf(field, value);
  const wrong = own ?? mistake ?? null;
  const isRead = (field.control === "file" || field.control === "folder") && !field.isOutput;
  const isPreset = value !== undefined && value === field.preset;
  const description = isPreset ? field.description : withoutPreset(field.preset, field.description);
  const hint = [description, isRead ? `Its full path ${readAt}.` : ""].filter(Boolean).join(" ");
  const notes = [hint === "" ? "" : `${id}-hint`, wrong === null ? "" : `${id}-wrong`];
  const about = {
    id,
    name: field.name,
    "aria-invalid": wrong !== null,
    "aria-describedby": notes.filter((one) => one !== "").join(" ") || undefined,
  };
  const isCheck = field.control === "check";
  return (
    <div class={wrong === null ? "field" : "field is-wrong"} data-field={field.name}>
      {isCheck ? (
        <label class="field-check">
          <CheckBox field={field} value={value} about={about} onChange={onChange} />
          {field.label}
        </label>
      ) : (
        <>
          <label class="field-label" for={id}>
            {field.label}
            {field.preset === null && <span class="field-needed"> needed</span>}
          </label>
          <ControlOf field={field} value={value} about={about} onChange={onChange} />
        </>
      )}
      {hint !== "" && (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {wrong !== null && (
        <p class="field-wrong" id={`${id}-wrong`} role="alert">
          {wrong}
        </p>
      )}
    </div>
  );
}

interface ControlProps {
  field: Field;
  value: string | undefined;
  about: { id: string; name: string; "aria-invalid": boolean; "aria-describedby": string | undefined };
  onChange: (value: string) => void;
}

function CheckBox({ field, value, about, onChange }: ControlProps) {
  const { on, off } = checkWords(field);
  return (
    <input
      type="checkbox"
      {...about}
      checked={(value ?? field.preset) === on}
      onChange={(event) => onChange(event.currentTarget.checked ? on : off)}
    />
  );
}

function ControlOf({ field, value, about, onChange }: ControlProps) {
  // What a preset such as 0 means is told in its place, faintly, until somebody gives a value.
  const preset = field.presetMeans === null ? (field.preset ?? "") : "";
  const text = value ?? preset;
  const placeholder = field.presetMeans ?? undefined;
  const common = { ...about, class: "input", value: text };
  switch (field.control) {
    case "choice":
      return (
        <select {...common} onChange={(event) => onChange(event.currentTarget.value)}>
          {field.preset === null && <option value="">Choose…</option>}
          {field.choices.map((choice) => (
            <option key={choice} value={choice}>
              {wordsOf(choice, field.presetMeans)}
            </option>
          ))}
        </select>
      );
    case "lines":
      return <textarea {...common} rows={4} onInput={(event) => onChange(event.currentTarget.value)} />;
    case "number":
      // Text rather than a number box: whole numbers of 64 bits and 1.50 stay as they were typed.
      return (
        <span class="field-number">
          <input
            {...common}
            type="text"
            placeholder={placeholder}
            inputMode={field.type === "INT" ? "numeric" : "decimal"}
            onInput={(event) => onChange(event.currentTarget.value)}
            onKeyDown={(event) => {
              const by = event.key === "ArrowUp" ? 1 : event.key === "ArrowDown" ? -1 : 0;
              if (by === 0) return;
              event.preventDefault();
              onChange(stepped(field, text, by));
            }}
          />
          <button
            type="button"
            tabIndex={-1}
            aria-label={`Less ${field.label}`}
            onClick={() => onChange(stepped(field, text, -1))}
          >
            −
          </button>
          <button
            type="button"
            tabIndex={-1}
            aria-label={`More ${field.label}`}
            onClick={() => onChange(stepped(field, text, 1))}
          >
            +
          </button>
        </span>
      );
    case "file":
    case "folder":
      return (
        <input
          {...common}
          type="text"
          spellcheck={false}
          placeholder={placeholder ?? placeholderOf(field)}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      );
    case "check":
    case "line":
      return (
        <input
          {...common}
          type="text"
          spellcheck={false}
          placeholder={placeholder}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      );
  }
}

function placeholderOf({ control, patterns, isOutput }: Field): string {
  if (control === "folder")
    return isOutput ? "Full path of the folder to write to" : "Full path of the folder";
  const kinds = patterns.filter((pattern) => pattern !== "*" && pattern !== "*.*").join(", ");
  return `Full path of the file${kinds === "" ? "" : ` (${kinds})`}`;
}

/** A number one step on, within its bounds; decimals do not grow. */
function stepped({ step, min, max, preset }: Field, text: string, by: 1 | -1): string {
  const each = Number(step) || 1;
  const from = Number(text === "" ? (preset ?? "0") : text);
  if (!Number.isFinite(from) || !Number.isSafeInteger(Math.trunc(from))) return text;
  const decimals = Math.max(decimalsOf(step), decimalsOf(text));
  const next = Math.min(
    max === null ? Infinity : Number(max),
    Math.max(min === null ? -Infinity : Number(min), from + by * each),
  );
  return next.toFixed(decimals);
}

const decimalsOf = (text: string) => Math.min(10, /\.(\d+)/.exec(text)?.[1]?.length ?? 0);
