// Search, state, owner, label and order of the list of jobs.
import { useEffect, useRef } from "preact/hooks";
import type { Job } from "../../contract/job.ts";
import { Icon } from "../ui/icon.tsx";
import { isIn, orders, stateFilters, type Filters, type Order, type StateFilter } from "./list.ts";

interface FilterBarProps {
  filters: Filters;
  choices: { owners: readonly string[]; labels: readonly string[] };
  /** Those that search, owner and label leave. */
  jobs: readonly Job[];
  onChange: (filters: Filters) => void;
}

/** The bar; `/` goes to the search. */
export function FilterBar({ filters, choices, jobs, onChange }: FilterBarProps) {
  const search = useRef<HTMLInputElement>(null);
  useEffect(() => {
    const key = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.key !== "/" || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)) return;
      event.preventDefault();
      search.current?.focus();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, []);
  const set = (more: Partial<Filters>) => onChange({ ...filters, ...more });
  return (
    <div class="filters" role="search">
      <div class="filter-search">
        <Icon name="search" />
        <input
          ref={search}
          class="input"
          type="search"
          placeholder="Search jobs"
          aria-label="Search jobs"
          value={filters.search}
          onInput={(event) => set({ search: event.currentTarget.value })}
        />
      </div>
      <div class="filter-states" role="group" aria-label="State">
        {(Object.entries(stateFilters) as [StateFilter, string][]).map(([state, word]) => {
          const count = jobs.filter((job) => isIn(job, state)).length;
          return (
            <button
              key={state}
              type="button"
              class="filter-state"
              aria-pressed={filters.state === state}
              onClick={() => set({ state })}
            >
              {word} <span class="faint">{count.toLocaleString("en-US")}</span>
            </button>
          );
        })}
      </div>
      <div class="filter-choices">
        {choices.owners.length > 1 && (
          <Choice
            label="Owner"
            value={filters.owner}
            all="All owners"
            values={choices.owners}
            onChoose={(owner) => set({ owner })}
          />
        )}
        {choices.labels.length > 0 && (
          <Choice
            label="Label"
            value={filters.label}
            all="All labels"
            values={choices.labels}
            onChoose={(label) => set({ label })}
          />
        )}
        <select
          class="input"
          aria-label="Order"
          value={filters.order}
          onChange={(event) => set({ order: event.currentTarget.value as Order })}
        >
          {Object.entries(orders).map(([order, word]) => (
            <option key={order} value={order}>
              {word}
            </option>
          ))}
        </select>
      </div>
    </div>
  );
}

interface ChoiceProps {
  label: string;
  value: string;
  all: string;
  values: readonly string[];
  onChoose: (value: string) => void;
}

function Choice({ label, value, all, values, onChoose }: ChoiceProps) {
  return (
    <select
      class="input"
      aria-label={label}
      value={value}
      onChange={(event) => onChoose(event.currentTarget.value)}
    >
      <option value="">{all}</option>
      {values.map((one) => (
        <option key={one} value={one}>
          {one}
        </option>
      ))}
    </select>
  );
}
