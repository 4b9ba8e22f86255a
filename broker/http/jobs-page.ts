// The plain list of jobs at `/`, until the status page stands there.
import type { Job } from "../contract/job.ts";

const escapes: Record<string, string> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};
const text = (value: string | number) =>
  String(value).replaceAll(/[&<>"']/g, (character) => escapes[character] as string);

const style = `body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:3rem auto;padding:0 1rem;color:#222;background:#fafafa}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .8rem;border-bottom:1px solid #ddd}td.n{text-align:right}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#181818}th,td{border-color:#333}}`;

function page(body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Tally</title><style>${style}</style><h1>Tally</h1>${body}</html>`;
}

/** The jobs as a page; every name is text, never markup. */
export function jobsPage(jobs: readonly Job[]): string {
  if (jobs.length === 0) return page("<p>No job yet. Submit one: <code>tally submit shot.blend</code></p>");
  const rows = jobs.map(
    (job) =>
      `<tr><td class="n">${job.number}</td><td>${text(job.name)}</td><td>${text(job.owner)}</td><td>${text(job.state)}</td><td class="n">${job.counts.succeeded} / ${job.taskCount}</td></tr>`,
  );
  return page(
    `<table><thead><tr><th>Job</th><th>Name</th><th>Owner</th><th>State</th><th>Frames</th></tr></thead><tbody>${rows.join("")}</tbody></table>`,
  );
}

/** What somebody sees who came without a key. */
export function closedPage(): string {
  return page(
    "<p>This page needs its one-time address. It was printed where the broker was started, and works once. For a new one type <code>tally stop</code>, then <code>tally serve</code>: nothing is lost.</p>",
  );
}
