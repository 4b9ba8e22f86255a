// Submitting a job from the page: choose or paste a template, fill in its form, see what it becomes, then submit.
import { useEffect, useRef, useState } from "preact/hooks";
import { ProblemError, type Answer } from "../../contract/client.ts";
import { sentenceOf } from "../api.ts";
import { jobPath, navigate } from "../router.tsx";
import { useStore } from "../store.ts";
import {
  asksForName,
  bodyOf,
  emptySettings,
  newKey,
  readsFiles,
  type SettingsForm,
  type TemplateSource,
} from "../submit/body.ts";
import type { ReadTemplate, TemplateReading } from "../submit/document.ts";
import { mistakeOf, sortMistakes, type Mistakes } from "../submit/fields.ts";
import { templateReader } from "../submit/reader.ts";
import { SubmitField } from "./submit-field.tsx";
import { SubmitPlan } from "./submit-plan.tsx";
import { SubmitSettings } from "./submit-settings.tsx";
import { SubmitSource } from "./submit-source.tsx";
import { useLoad } from "./use-load.ts";

type Plan = Answer<"planJob">;

const noMistakes: Mistakes = { fields: {}, settings: {}, rest: [] };
/** So long after the last letter of a pasted template it is read, ms. */
const restMs = 250;

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
  const [read, setRead] = useState<{ of: string; text: string; reading: TemplateReading } | null>(null);
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
      const { readTemplate } = await templateReader();
      if (!stop.signal.aborted) setRead({ of: chosen, text: toRead, reading: readTemplate(toRead) });
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

  /** The same of Tally's own settings. */
  function set(next: SettingsForm): void {
    const changed = (Object.keys(next) as (keyof SettingsForm)[]).filter(
      (one) => next[one] !== settings[one],
    );
    const names = changed.map((one): string => (one === "inPlace" ? "filesInPlace" : one));
    setSettings(next);
    setMistakes(({ settings: before, ...more }) => ({
      ...more,
      settings: Object.fromEntries(Object.entries(before).filter(([name]) => !names.includes(name))),
    }));
  }

  /** The template as it stands in the box: whoever pastes and presses at once means that one. */
  async function currentTemplate(): Promise<ReadTemplate | null> {
    if (!isPasting || read?.text === pasted) return template;
    const { readTemplate } = await templateReader();
    const now = readTemplate(pasted);
    setRead({ of: "", text: pasted, reading: now });
    return now.template;
  }

  async function send(what: "plan" | "submit"): Promise<void> {
    if (template === null || busy) return;
    setBusy(true);
    setSaid(null);
    setMistakes(noMistakes);
    await currentTemplate().then(
      (current) => (current === null ? setBusy(false) : sendAs(current, what)),
      (error: unknown) => {
        setBusy(false);
        setSaid(sentenceOf(error));
      },
    );
  }

  async function sendAs(template: ReadTemplate, what: "plan" | "submit"): Promise<void> {
    const body = bodyOf(source, template, values, { ...settings, inPlace: settings.inPlace && hasLocal });
    const own = ownMistakes(template, values);
    try {
      if (what === "plan") {
        // Asked although something is to be mended: nobody shall hear of the rest in a second round.
        const answer = await api.plan(body);
        if (Object.keys(own).length > 0) tell({ ...noMistakes, fields: own });
        else setPlan({ plan: answer, of: given });
      } else {
        const { number } = await api.submit(body, key.current);
        navigate(jobPath(number));
      }
    } catch (error) {
      setPlan(null);
      const errors = error instanceof ProblemError ? (error.body.errors ?? []) : [];
      const names = template.definitions.map(({ name }) => name);
      const sorted = sortMistakes(errors, names);
      tell({ ...sorted, fields: { ...sorted.fields, ...own } }, sentenceOf(error));
    } finally {
      setBusy(false);
    }
  }

  function tell(all: Mistakes, otherwise: string | null = null): void {
    setMistakes(all);
    const besideFields = Object.keys(all.fields).length + Object.keys(all.settings).length;
    setSaid(
      besideFields > 0
        ? `${besideFields === 1 ? "Something is" : `${besideFields} things are`} not right yet: see beside the fields.`
        : all.rest.length > 0
          ? "No job can be made like this:"
          : otherwise,
    );
    requestAnimationFrame(() => {
      const first = form.current?.querySelector<HTMLElement>("[aria-invalid=true]");
      first?.focus();
      // What is wrong stands below the field, and shall not be hidden under the plan.
      first?.closest(".field")?.scrollIntoView({ block: "nearest" });
    });
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
              void send("plan");
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
                      readAt={
                        settings.inPlace && hasLocal ? "on the broker's machine" : "as the workers know it"
                      }
                      onChange={(value) => give(field.name, value)}
                    />
                  ))}
                </div>
              </fieldset>
            ))}
            <SubmitSettings
              settings={settings}
              pools={system.value?.pools.map((pool) => pool.name) ?? []}
              isNamed={asksForName(template)}
              readsFiles={readsFiles(template)}
              hasLocal={hasLocal}
              mistakes={mistakes.settings}
              onChange={set}
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

/** What can be seen to be wrong without asking the broker, by field. */
function ownMistakes({ groups }: ReadTemplate, values: Readonly<Record<string, string>>): Mistakes["fields"] {
  const found = groups.flatMap(({ fields }) =>
    fields.flatMap((field): [string, string][] => {
      const mistake = mistakeOf(field, values[field.name]);
      return mistake === null ? [] : [[field.name, mistake]];
    }),
  );
  return Object.fromEntries(found);
}
