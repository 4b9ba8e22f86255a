// Reads a frame's progress out of Blender's log, in the format up to 4.5 and the one from 5.0 on.

/** `status`: what the frame is at, in Blender's words. */
export type LogFact =
  | { kind: "progress"; share: number; layer: string | null; status: string }
  | { kind: "layerDone"; layer: string }
  | { kind: "saved"; path: string };

/** How far a frame is, over all its view layers; each layer counts its samples from 0 again. */
export type ProgressState = { layers: number; done: number; share: number };

// Old farms prefix "DD-MM HH:MM:SS (debug) "; Blender 5 prefixes "MM:SS.mmm  category | ".
const PREFIX = /^(?:\d\d-\d\d \d\d:\d\d:\d\d \(\w+\) )?(?:\d+:\d\d(?::\d\d)?\.\d{3}\s+\S+\s*\| )?/;
const SAVED = /^Saved: (?:'(.+)'|(.+?))\s*$/;
const SAMPLES =
  /^(?:(?:Rendered|Path Tracing Tile) (\d+)\/(\d+)(?: Tiles)?, )?(?:Rendering )?(?:Sample )?(\d+) ?\/ ?(\d+)(?: samples)?$/i;

/**
 * What one line of Blender's output says about the frame, or null.
 * Only the last field is read as progress: object names in the fields before may hold numbers with slashes.
 */
export function readLogLine(line: string): LogFact | null {
  const text = line.replace(PREFIX, "").trimEnd();
  const saved = SAVED.exec(text);
  if (saved) return { kind: "saved", path: saved[1] ?? saved[2] ?? "" };
  const fields = text.split(" | ");
  const last = fields.at(-1) ?? "";
  const layer = layerIn(fields);
  if (last === "Finished" && layer !== null) return { kind: "layerDone", layer };
  const numbers = SAMPLES.exec(last);
  if (numbers === null || !/^(?:Rendered|Rendering|Path Tracing Tile|Sample)\b/i.test(last)) return null;
  if (fields.length === 1 && !/sample/i.test(last)) return null;
  const [tile, tiles, sample, samples] = numbers
    .slice(1)
    .map((text) => (text === undefined ? null : Number(text)));
  if (sample === null || sample === undefined || !samples) return null;
  const inTile = Math.min(1, sample / samples);
  if (tile !== null && tile !== undefined && tiles) {
    // "Tile 135/135, Sample 0/200" comes last: a full count of samples there means a finished tile.
    return { kind: "progress", share: Math.min(1, tile / tiles), layer, status: last };
  }
  return { kind: "progress", share: inTile, layer, status: last };
}

function layerIn(fields: readonly string[]): string | null {
  // "Scene, ViewLayer": the field before the status; names may hold anything but " | ".
  const field = fields.length > 1 ? fields.at(-2) : undefined;
  return field !== undefined && field.includes(", ") && !/^(?:Mem|Time|Remaining):/.test(field)
    ? field
    : null;
}

/** Nothing rendered yet of a frame with this many view layers. */
export function newProgress(layers = 1): ProgressState {
  return { layers: Math.max(1, layers), done: 0, share: 0 };
}

/** Folds one fact in and returns the frame's progress between 0 and 1; it never runs backwards within a layer. */
export function advance(state: ProgressState, fact: LogFact): number {
  if (fact.kind === "layerDone") {
    state.done = Math.min(state.layers, state.done + 1);
    state.share = 0;
  } else if (fact.kind === "progress") {
    state.share = Math.max(state.share, fact.share);
  }
  return Math.min(1, (state.done + (state.done < state.layers ? state.share : 0)) / state.layers);
}
