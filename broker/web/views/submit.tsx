// Submitting a job from the page: choose or paste a template, fill in its form, see what it becomes, then submit.
import { useEffect, useRef, useState } from "preact/hooks";
import { ProblemError, type Answer } from "../../contract/client.ts";
import { sentenceOf } from "../api.ts";
import { jobPath, navigate } from "../router.tsx";
import { useStore } from "../store.ts";
import { bodyOf, emptySettings, newKey, readsFiles, type TemplateSource } from "../submit/body.ts";
import type { ReadTemplate, TemplateReading } from "../submit/document.ts";
import { mistakeOf, sortMistakes, type Mistakes } from "../submit/fields.ts";
import { SubmitField } from "./submit-field.tsx";
import { SubmitPlan } from "./submit-plan.tsx";
import { SubmitSettings } from "./submit-settings.tsx";
import { SubmitSource } from "./submit-source.tsx";
import { useLoad } from "./use-load.ts";

type Plan = Answer<"planJob">;

const noMistakes: Mistakes = { fields: {}, settings: {}, rest: [] };
/** So long after the last letter of a pasted template it is read, ms. */
const restMs = 250;

/** The reader of templates brings a YAML parser along: it comes only with this view. */
const reader = () => import("../submit/document.ts");

/** The whole view. */
export function SubmitView() {
  const { api } = useStore();
  const templates = useLoad((signal) => api.listTemplates(signal), "");
  const system = useLoad((signal) => api.getSystem(signal), "");
  const [chosen, setChosen] = useState<string | null>(null);
  const [pasted, setPasted] = useState("");
  const text = useLoad(
    async (signal) => (chosen ? (await api.getTemplate(chosen, signal)).text : ""),
    chosen ?? "",
  );
  const [read, setRead] = useState<{ of: string; reading: TemplateReading } | null>(null);
  const [values, setValues] = useState<Record<string, string>>({});
  const [settings, setSettings] = useState(emptySettings);
  const [planned, setPlan] = useState<{ plan: Plan; of: readonly unknown[] } | null>(null);
  const [mistakes, setMistakes] = useState(noMistakes);
  const [said, setSaid] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const key = useRef(newKey());
  const form = useRef<HTMLFormElement>(null);
  const isPasting = chosen === "";
  const hasLocal = system.value?.pools.some((pool) => pool.kind === "local") ?? false;

  // Whatever is changed, what was planned before is not what would be submitted.
  const given = [chosen, pasted, values, settings];
  const plan = planned?.of.every((one, index) => one === given[index]) ? planned.plan : null;
  useEffect(() => {
    setSaid(null);
    key.current = newKey();
  }, given);

  const toRead = (isPasting ? pasted : text.value) ?? "";
  useEffect(() => {
    setMistakes(noMistakes);
    if (chosen === null || toRead.trim() === "") {
      setRead(null);
      return undefined;
    }
    const stop = new AbortController();
    const look = async () => {
      const { readTemplate } = await reader();
      if (!stop.signal.aborted) setRead({ of: chosen, reading: readTemplate(toRead) });
    };
    const timer = setTimeout(
      () => {
        look().catch((error: unknown) => {
          if (!stop.signal.aborted) setSaid(sentenceOf(error));
        });
      },
      isPasting ? restMs : 0,
    );
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [chosen, toRead]);

  // What was read of another template is not shown; of one's own it stays until it is read again.
  const reading = read !== null && read.of === chosen ? read.reading : null;
  const template = reading?.template ?? null;
  const source: TemplateSource = isPasting ? { template: pasted } : { templateName: chosen ?? "" };

  /** What was wrong with a field is forgotten with the next letter. */
  function give(name: string, value: string): void {
    setValues((before) => ({ ...before, [name]: value }));
    setMistakes(({ fields: { [name]: _, ...fields }, ...more }) => ({ ...more, fields }));
  }

  async function send(what: "plan" | "submit"): Promise<void> {
    if (template === null || busy) return;
    setBusy(true);
    setSaid(null);
    setMistakes(noMistakes);
    const body = bodyOf(source, template, values, { ...settings, inPlace: settings.inPlace && hasLocal });
    try {
      if (what === "plan") {
        setPlan({ plan: await api.plan(body), of: given });
      } else {
        const { number } = await api.submit(body, key.current);
        navigate(jobPath(number));
      }
    } catch (error) {
      setPlan(null);
      tell(error, template);
    } finally {
      setBusy(false);
    }
  }

  function tell(error: unknown, of: ReadTemplate): void {
    const errors = error instanceof ProblemError ? (error.body.errors ?? []) : [];
    const sorted = sortMistakes(
      errors,
      of.definitions.map(({ name }) => name),
    );
    setMistakes(sorted);
    const besideFields = Object.keys(sorted.fields).length + Object.keys(sorted.settings).length;
    setSaid(
      besideFields > 0
        ? "Something is not right yet: see beside the fields."
        : sorted.rest.length > 0
          ? "No job can be made like this:"
          : sentenceOf(error),
    );
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
  }

  function check(): void {
    if (template === null) return;
    const fields: Record<string, string> = {};
    for (const field of template.groups.flatMap((group) => group.fields)) {
      const mistake = mistakeOf(field, values[field.name]);
      if (mistake !== null) fields[field.name] = mistake;
    }
    if (Object.keys(fields).length === 0) return void send("plan");
    setMistakes({ ...noMistakes, fields });
    setSaid("Something is not right yet: see beside the fields.");
    requestAnimationFrame(() => form.current?.querySelector<HTMLElement>("[aria-invalid=true]")?.focus());
  }

  return (
    <div class="submit">
      <header class="view-head">
        <h1>Submit a job</h1>
        <p class="muted">
          A template says what runs; its form says on what. Nothing starts before you have seen the plan.
        </p>
      </header>
      <div class="submit-columns">
        <SubmitSource
          templates={templates}
          chosen={chosen}
          pasted={pasted}
          problems={isPasting ? (reading?.problems ?? []) : []}
          onChoose={(next) => {
            setChosen(next);
            setValues({});
          }}
          onPaste={setPasted}
        />
        {template === null ? (
          <p class="submit-hint">
            {chosen === null
              ? "Choose a template: its form appears here."
              : isPasting
                ? pasted.trim() === ""
                  ? "Paste an Open Job Description template: its form appears here as soon as it can be read."
                  : "The form appears as soon as the template can be read."
                : (said ?? (text.error === null ? "Fetching the template…" : sentenceOf(text.error)))}
          </p>
        ) : (
          <form
            ref={form}
            class="submit-form"
            data-template={chosen}
            noValidate
            onSubmit={(event) => {
              event.preventDefault();
              check();
            }}
          >
            {template.groups.map(({ title, fields }) => (
              <fieldset key={title} class="form-group">
                <legend>{title === "" ? "Main" : title}</legend>
                <div class="form-grid">
                  {fields.map((field) => (
                    <SubmitField
                      key={field.name}
                      field={field}
                      value={values[field.name]}
                      mistake={mistakes.fields[field.name]}
                      onChange={(value) => give(field.name, value)}
                    />
                  ))}
                </div>
              </fieldset>
            ))}
            <SubmitSettings
              settings={settings}
              pools={system.value?.pools.map((pool) => pool.name) ?? []}
              readsFiles={readsFiles(template)}
              hasLocal={hasLocal}
              mistakes={mistakes.settings}
              onChange={setSettings}
            />
            <SubmitPlan
              plan={plan}
              said={said}
              rest={mistakes.rest}
              busy={busy}
              onSubmit={() => void send("submit")}
            />
          </form>
        )}
      </div>
    </div>
  );
}
