// Which jobs are listed and in which order: search, filters, sorting. Pure.
import type { Job } from "../../contract/job.ts";
import type { JobState } from "../../contract/states.ts";

/** Groups of states that people ask for. */
export const stateFilters = {
  all: "All",
  active: "Under way",
  done: "Done",
  failed: "Failed",
  paused: "Paused",
  canceled: "Canceled",
} as const;
export type StateFilter = keyof typeof stateFilters;

export const orders = {
  newest: "Newest first",
  priority: "Priority",
  progress: "Progress",
  name: "Name",
  owner: "Owner",
} as const;
export type Order = keyof typeof orders;

export interface Filters {
  search: string;
  state: StateFilter;
  owner: string;
  /** `key=value`, or empty. */
  label: string;
  order: Order;
}

export const noFilters: Filters = { search: "", state: "all", owner: "", label: "", order: "newest" };

const groups: Readonly<Record<JobState, Exclude<StateFilter, "all">>> = {
  loading: "active",
  queued: "active",
  running: "active",
  pausing: "paused",
  paused: "paused",
  succeeded: "done",
  failed: "failed",
  canceling: "canceled",
  canceled: "canceled",
};

/** Whether a job belongs to a group of states; to one beside `all`, so that their numbers add up. */
export function isIn(job: Job, filter: StateFilter): boolean {
  return filter === "all" || groups[job.state] === filter;
}

/** Every word of the search must be found in the number, name, owner, labels or template. */
export function matches(job: Job, search: string): boolean {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return true;
  const labels = Object.entries(job.labels).map(([key, value]) => `${key}=${value}`);
  const text = [
    `#${job.number}`,
    job.name,
    job.owner,
    job.templateName ?? "",
    job.outputPattern ?? "",
    ...labels,
  ]
    .join("\n")
    .toLowerCase();
  return words.every((word) => text.includes(word));
}

const share = (job: Job) => (job.taskCount === 0 ? 0 : job.counts.succeeded / job.taskCount);

const compare: Readonly<Record<Order, (a: Job, b: Job) => number>> = {
  newest: () => 0,
  // What is over needs no priority any more.
  priority: (a, b) => Number(a.endedAt !== null) - Number(b.endedAt !== null) || b.priority - a.priority,
  progress: (a, b) => share(b) - share(a),
  name: (a, b) => a.name.localeCompare(b.name, "en", { numeric: true }),
  owner: (a, b) => a.owner.localeCompare(b.owner, "en"),
};

/** The jobs that are shown, in order; what is equal stays newest first. */
export function listed(jobs: Iterable<Job>, filters: Filters): Job[] {
  const { state, order } = filters;
  return found(jobs, filters)
    .filter((job) => isIn(job, state))
    .toSorted((a, b) => compare[order](a, b) || b.number - a.number);
}

/** What search, owner and label leave, of every state. */
export function found(jobs: Iterable<Job>, { search, owner, label }: Filters): Job[] {
  return [...jobs].filter(
    (job) =>
      (owner === "" || job.owner === owner) &&
      (label === "" || Object.entries(job.labels).some(([key, value]) => `${key}=${value}` === label)) &&
      matches(job, search),
  );
}

/** What can be chosen: owners, and labels as `key=value`. */
export function choicesOf(jobs: Iterable<Job>): { owners: string[]; labels: string[] } {
  const owners = new Set<string>();
  const labels = new Set<string>();
  for (const job of jobs) {
    owners.add(job.owner);
    for (const [key, value] of Object.entries(job.labels)) labels.add(`${key}=${value}`);
  }
  return { owners: [...owners].toSorted(), labels: [...labels].toSorted() };
}
