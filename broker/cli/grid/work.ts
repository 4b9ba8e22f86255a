// The frames in work as rows of a table: how far each is, what the renderer says, and where.
import { duration } from "../../contract/duration.ts";
import { columnsOf, fit } from "../columns.ts";
import { lightLooks, markOf } from "./lights.ts";
import { pad, type Look, type Piece } from "./text.ts";

export interface FrameInWork {
  /** `frame 88`, or the step of a task that is no frame. */
  name: string;
  /** What the worker does after it, said where there is room; empty where that is nothing. */
  next: string;
  /** Else it is about to begin. */
  isBegun: boolean;
  /** 0 to 100; null where nobody knows. */
  percent: number | null;
  /** What the renderer says. */
  status: string | null;
  /** The worker's name. */
  where: string;
  /** It is this machine's own, which is said where there is room. */
  isHere: boolean;
  /** Since when, ms since 1970; null where nobody knows. */
  since: number | null;
}

const barColumns = 10;
/** Places and times stand near what they belong to. */
const mostStatusColumns = 40;
/** From so many columns on a place may be said in more words. */
const placeFrom = 76;
/** `12 min 05 s`. */
const timeColumns = 11;

/** At most `room` rows at `now` (ms); the last one counts those that have none. */
export function workRows(
  work: readonly FrameInWork[],
  room: number,
  width: number,
  look: Look,
  now: number,
): Piece[][] {
  if (room <= 0) return [];
  if (room === 1 && work.length > 1)
    return [
      [
        {
          text: `${markOf("running", look)} ${work.length} frames in work`,
          colour: lightLooks.running.colour,
        },
      ],
    ];
  const shown = work.length <= room ? work : work.slice(0, room - 1);
  const widest = (texts: string[], most: number) => Math.min(most, Math.max(0, ...texts.map(columnsOf)));
  const withBar = width >= 64;
  const nameOf = ({ name, next }: FrameInWork) => (withBar && next !== "" ? `${name}, ${next}` : name);
  const names = widest(shown.map(nameOf), Math.floor(width / 3));
  const placeOf = ({ where, isHere }: FrameInWork) =>
    isHere && width >= placeFrom ? `${where} (this PC)` : where;
  const places = widest(shown.map(placeOf), Math.floor(width / 4));
  const withTime = width >= 48;
  const rows = shown.map((one): Piece[] => {
    const { isBegun, percent, status, since } = one;
    const time = since === null ? "" : duration(Math.max(0, now - since) / 1000);
    const end = `${pad(placeOf(one), places)}${withTime ? `  ${pad(time, timeColumns, true)}` : ""}`;
    const light = isBegun ? "running" : "ready";
    const start = `${markOf(light, look)} ${pad(nameOf(one), names)}`;
    const { colour } = lightLooks[light];
    const far = percent === null ? "    " : pad(`${Math.floor(percent)}%`, 4, true);
    const bar = withBar ? `  ${barOf(percent, look)}` : "";
    const left = width - columnsOf(start) - columnsOf(bar) - far.length - columnsOf(end) - 5;
    const room = Math.min(left, mostStatusColumns);
    return [
      { text: start, colour },
      { text: bar, colour },
      { text: ` ${far}  ` },
      { text: room < 4 ? "" : `${pad(fit(status ?? "", room), room)}  `, colour: "dim" },
      { text: end.trimEnd(), colour: "dim" },
    ];
  });
  const left = work.length - shown.length;
  if (left > 0) rows.push([{ text: `  and ${left.toLocaleString("en-US")} more in work`, colour: "dim" }]);
  return rows;
}

function barOf(percent: number | null, { unicode }: Look): string {
  if (percent === null) return " ".repeat(barColumns);
  const full = Math.round((percent / 100) * barColumns);
  const [done, open] = unicode ? ["━", "─"] : ["=", "-"];
  return done.repeat(full) + open.repeat(barColumns - full);
}
