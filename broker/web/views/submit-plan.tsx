// The end of the form: first what a job would become, then the button that makes it one.
import type { Answer } from "../../contract/client.ts";
import type { Mistakes } from "../submit/fields.ts";

interface SubmitPlanProps {
  plan: Answer<"planJob"> | null;
  /** What the broker said, where it refused. */
  said: string | null;
  /** Mistakes that no field stands for. */
  rest: Mistakes["rest"];
  busy: boolean;
  onSubmit: () => void;
}

/** The plan and both buttons. While the broker is asked they are not `disabled`: that would take the focus away from them. */
export function SubmitPlan({ plan, said, rest, busy, onSubmit }: SubmitPlanProps) {
  return (
    <section class="plan" aria-live="polite">
      {said !== null && (
        <p class="plan-said" role="alert">
          {said}
        </p>
      )}
      {rest.length > 0 && (
        <ul class="problems">
          {rest.map(({ where, detail }) => (
            <li key={`${where} ${detail}`}>
              <code>{where}</code> {detail}
            </li>
          ))}
        </ul>
      )}
      {plan !== null && (
        <div class="plan-shown">
          <h2>{plan.name}</h2>
          <ol class="plan-steps">
            {plan.steps.map((step) => (
              <li key={step.name}>
                <b>{step.name}</b> <span>{framesText(step.taskCount)}</span>
                {step.dependsOn.length > 0 && <small> after {step.dependsOn.join(", ")}</small>}
              </li>
            ))}
          </ol>
        </div>
      )}
      <div class="plan-buttons">
        <button type="submit" class={plan === null ? "button is-primary" : "button"} aria-disabled={busy}>
          {plan === null ? "Show the plan" : "Plan again"}
        </button>
        {plan !== null && (
          <button type="button" class="button is-primary" aria-disabled={busy} onClick={onSubmit}>
            Submit {framesText(plan.taskCount)}
          </button>
        )}
      </div>
    </section>
  );
}

function framesText(count: number): string {
  return count === 1 ? "1 frame" : `${count.toLocaleString("en")} frames`;
}
