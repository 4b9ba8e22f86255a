// The lights of a job's steps as rows: one step fills what room there is; of several each has its own rows.
import { frameNames } from "../../contract/frame-names.ts";
import type { StepView } from "../../contract/feed-store.ts";
import type { FeedJobDetail } from "../../contract/feed.ts";
import { columnsOf } from "../columns.ts";
import { counted } from "../humane.ts";
import { layoutLights, lightRow, type Light } from "./lights.ts";
import { pad, spread, type Look, type Piece } from "./text.ts";

type Step = FeedJobDetail["steps"][number];

const mostNameColumns = 16;
/** In less, names and numbers together would leave too little for the lights, columns. */
const numberedFrom = 56;

/** At most `room` rows of lights (at least one), and how many frames stand behind one light at most; kinds of lights go into `used`. */
export function stepRows(
  job: FeedJobDetail,
  views: ReadonlyMap<string, StepView>,
  width: number,
  room: number,
  look: Look,
  used: Set<Light>,
): { rows: Piece[][]; per: number } {
  const rows = Math.max(1, room);
  const isSeveral = job.steps.length > 1;
  const shown = isSeveral ? chosen(job.steps, rows) : job.steps;
  const names = isSeveral ? nameColumns(shown, width) : 0;
  // As wide as when all are done, so that nothing moves on the way.
  const counts = Math.max(...shown.map(({ taskCount }) => 2 * taskCount.toLocaleString("en-US").length + 1));
  // The counts of several stand at the right, unless there is no room for lights beside them.
  const isCounted = isSeveral && width - names - counts >= 24;
  const inner = width - names - (isCounted ? counts + 2 : 0);
  const free = rows - (shown.length < job.steps.length ? 1 : 0);
  const shares = shareRows(shown, free, (step) => layoutLights(step.taskCount, inner, Infinity).rows);
  // A single row needs no numbers in front: it begins at the beginning.
  const isNumbered =
    (!isSeveral || width >= numberedFrom) &&
    shown.some(({ taskCount }, index) => {
      const { per, rows: needed } = layoutLights(taskCount, inner, shares[index] ?? 1);
      return per > 1 || needed > 1;
    });
  const labels = isNumbered ? Math.max(...shown.map((step) => labelColumns(views.get(step.name)))) + 1 : 0;
  let per = 1;
  const lines = shown.flatMap((step, index) => {
    const view = views.get(step.name) ?? { states: new Uint8Array(step.taskCount), frames: null };
    const drawn = drawStep(view, labels, inner, shares[index] ?? 1, look, used);
    per = Math.max(per, drawn.per);
    if (!isSeveral) return drawn.rows;
    return drawn.rows.map((lights, row) => {
      const name = { text: pad(row === 0 ? step.name : "", names - 1) + " " };
      const line = [name, ...lights];
      return row === 0 && isCounted ? spread(line, [{ text: countOf(step), colour: "dim" }], width) : line;
    });
  });
  if (shown.length < job.steps.length) lines.push(othersLine(job.steps, shown));
  return { rows: lines.slice(0, rows), per };
}

function drawStep(
  { states, frames }: StepView,
  labels: number,
  width: number,
  room: number,
  look: Look,
  used: Set<Light>,
): { rows: Piece[][]; per: number } {
  const nameOf = frameNames(frames);
  const layout = layoutLights(states.length, width - labels, room);
  const isNumbered = layout.per > 1 || layout.rows > 1;
  const rows = Array.from({ length: layout.rows }, (_, row) => {
    const first = isNumbered ? nameOf(row * layout.columns * layout.per) : "";
    const label = labels === 0 ? "" : `${pad(first, labels - 1, true)} `;
    return [{ text: label, colour: "dim" as const }, ...lightRow(states, layout, row, look, used)];
  });
  return { rows, per: layout.per };
}

function labelColumns(view: StepView | undefined): number {
  if (!view) return 1;
  const nameOf = frameNames(view.frames);
  return Math.max(nameOf(0).length, nameOf(view.states.length - 1).length);
}

/** Those that matter most now, in their order: what failed and runs, then what waits, then what is done. */
function chosen(steps: readonly Step[], rows: number): readonly Step[] {
  if (steps.length <= rows) return steps;
  const rank = ({ counts, taskCount }: Step): number => {
    if (counts.failed > 0) return 0;
    if (counts.running > 0) return 1;
    if (counts.succeeded > 0 && counts.succeeded < taskCount) return 2;
    return counts.ready > 0 ? 3 : counts.succeeded === taskCount ? 5 : 4;
  };
  const best = steps
    .toSorted((a, b) => rank(a) - rank(b) || a.index - b.index)
    .slice(0, Math.max(1, rows - 1));
  return best.toSorted((a, b) => a.index - b.index);
}

/** Rows for each step: one at least, the rest to those that are most crowded. `needs`: rows for a light a frame. */
function shareRows(steps: readonly Step[], rows: number, needs: (step: Step) => number): number[] {
  const wanted = steps.map(needs);
  const shares = steps.map(() => 1);
  const crowd = (index: number) => (steps[index]?.taskCount ?? 0) / (shares[index] ?? 1);
  for (let free = rows - steps.length; free > 0; free--) {
    const open = [...shares.keys()].filter((index) => (shares[index] ?? 1) < (wanted[index] ?? 1));
    if (open.length === 0) break;
    const best = open.reduce((most, index) => (crowd(index) > crowd(most) ? index : most));
    shares[best] = (shares[best] ?? 1) + 1;
  }
  return shares;
}

function nameColumns(steps: readonly Step[], width: number): number {
  const longest = Math.max(...steps.map(({ name }) => columnsOf(name)));
  return Math.min(longest, mostNameColumns, Math.floor(width / 3)) + 2;
}

const countOf = ({ counts, taskCount }: Step): string =>
  `${counts.succeeded.toLocaleString("en-US")}/${taskCount.toLocaleString("en-US")}`;

function othersLine(steps: readonly Step[], shown: readonly Step[]): Piece[] {
  const others = steps.filter((step) => !shown.includes(step));
  const done = others.filter((step) => step.counts.succeeded === step.taskCount).length;
  const failed = others.filter((step) => step.counts.failed > 0).length;
  const parts = [
    done > 0 ? `${done} done` : "",
    failed > 0 ? `${failed} with failed frames` : "",
    others.length - done - failed > 0 ? `${others.length - done - failed} waiting` : "",
  ].filter((part) => part !== "");
  const text = `and ${counted(others.length, "more step")}: ${parts.join(", ")}`;
  return [{ text, colour: failed > 0 ? "red" : "dim" }];
}
