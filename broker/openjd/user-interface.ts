// userInterface of a parameter definition: hints for the form, checked against the parameter they describe.
import { LABEL } from "./names.ts";
import { asDecimal } from "./host-requirements.ts";
import { asWhole } from "./script.ts";
import { asChoice, asList, asMap, asText, complain, eachOf, type Spot } from "./spot.ts";
import type {
  FileFilter,
  NumberParameterDefinition,
  PathParameterDefinition,
  StringParameterDefinition,
} from "./types.ts";

const MAX_FILTERS = 20;
const CHECK_BOX_PAIRS = ["FALSE,TRUE", "NO,YES", "OFF,ON", "0,1"];
// What a file dialog's pattern may hold after "*.": no control characters and nothing special to a shell.
const FILTER_PATTERN = /^(?:\*|\*\.\*|\*\.[^\p{Cc}\\/*?[\]#%&{}<>$!'":@`|=]+)$/u;

/** Reads the hints of a STRING parameter. */
export function readStringInterface(
  spot: Spot,
  allowed: string[] | undefined,
): StringParameterDefinition["userInterface"] {
  const fields = asMap(spot, [], ["control", "label", "groupLabel"]);
  const controlSpot = fields?.("control");
  const control =
    controlSpot &&
    asChoice(controlSpot, ["LINE_EDIT", "MULTILINE_EDIT", "DROPDOWN_LIST", "CHECK_BOX", "HIDDEN"]);
  if (controlSpot && control !== undefined) {
    checkList(controlSpot, control, allowed, ["LINE_EDIT", "MULTILINE_EDIT"]);
    const pair = (allowed ?? []).map((value) => value.toUpperCase()).toSorted();
    if (control === "CHECK_BOX" && !CHECK_BOX_PAIRS.includes(pair.join())) {
      complain(
        controlSpot,
        "CHECK_BOX needs allowedValues of two: true and false, yes and no, on and off, or 1 and 0.",
      );
    }
  }
  return { ...(control && { control }), ...readLabels(fields) };
}

/** Reads the hints of an INT or FLOAT parameter. */
export function readNumberInterface(
  spot: Spot,
  type: "INT" | "FLOAT",
  allowed: string[] | undefined,
): NumberParameterDefinition["userInterface"] {
  const own = type === "FLOAT" ? ["decimals", "singleStepDelta"] : ["singleStepDelta"];
  const fields = asMap(spot, [], ["control", "label", "groupLabel", ...own]);
  const [controlSpot, deltaSpot, decimalsSpot] = [
    fields?.("control"),
    fields?.("singleStepDelta"),
    fields?.("decimals"),
  ];
  const control = controlSpot && asChoice(controlSpot, ["SPIN_BOX", "DROPDOWN_LIST", "HIDDEN"]);
  if (controlSpot && control !== undefined) checkList(controlSpot, control, allowed, ["SPIN_BOX"]);
  const effective = control ?? (allowed === undefined ? "SPIN_BOX" : "DROPDOWN_LIST");
  const delta = deltaSpot && (type === "INT" ? asWhole(deltaSpot, 1)?.toString() : asDecimal(deltaSpot));
  if (deltaSpot && type === "FLOAT" && delta !== undefined && Number(delta) <= 0) {
    complain(deltaSpot, '"singleStepDelta" must be more than 0.');
  }
  const decimals = decimalsSpot && asWhole(decimalsSpot, 0);
  for (const extra of [deltaSpot, decimalsSpot]) {
    if (extra && effective !== "SPIN_BOX") complain(extra, "This hint belongs to the control SPIN_BOX only.");
  }
  return {
    ...(control && { control }),
    ...readLabels(fields),
    ...(decimals !== undefined && { decimals }),
    ...(delta !== undefined && { singleStepDelta: delta }),
  };
}

/** Reads the hints of a PATH parameter. */
export function readPathInterface(
  spot: Spot,
  objectType: PathParameterDefinition["objectType"],
  allowed: string[] | undefined,
): PathParameterDefinition["userInterface"] {
  const fields = asMap(spot, [], ["control", "label", "groupLabel", "fileFilters", "fileFilterDefault"]);
  const [controlSpot, filtersSpot, defaultSpot] = [
    fields?.("control"),
    fields?.("fileFilters"),
    fields?.("fileFilterDefault"),
  ];
  const choosers = ["CHOOSE_INPUT_FILE", "CHOOSE_OUTPUT_FILE", "CHOOSE_DIRECTORY"] as const;
  const control = controlSpot && asChoice(controlSpot, [...choosers, "DROPDOWN_LIST", "HIDDEN"]);
  if (controlSpot && control !== undefined) {
    checkList(controlSpot, control, allowed, choosers);
    const picksFile = control === "CHOOSE_INPUT_FILE" || control === "CHOOSE_OUTPUT_FILE";
    if (picksFile && objectType === "DIRECTORY")
      complain(controlSpot, `${control} does not fit objectType DIRECTORY.`);
    if (control === "CHOOSE_DIRECTORY" && objectType === "FILE")
      complain(controlSpot, `${control} does not fit objectType FILE.`);
    for (const extra of [filtersSpot, defaultSpot]) {
      if (extra && !picksFile)
        complain(extra, "File filters belong to the controls CHOOSE_INPUT_FILE and CHOOSE_OUTPUT_FILE.");
    }
  }
  const fileFilters = filtersSpot && eachOf(asList(filtersSpot, 1, MAX_FILTERS), readFilter);
  const fileFilterDefault = defaultSpot && readFilter(defaultSpot);
  return {
    ...(control && { control }),
    ...readLabels(fields),
    ...(fileFilters && { fileFilters }),
    ...(fileFilterDefault && { fileFilterDefault }),
  };
}

function readFilter(spot: Spot): FileFilter | undefined {
  const fields = asMap(spot, ["label", "patterns"], []);
  const [labelSpot, patternsSpot] = [fields?.("label"), fields?.("patterns")];
  const label = labelSpot && asText(labelSpot, LABEL);
  const shape = 'a pattern such as "*", "*.*" or "*.png"';
  const patterns =
    patternsSpot &&
    eachOf(asList(patternsSpot, 1, MAX_FILTERS), (item) =>
      asText(item, { min: 1, max: 20, pattern: FILTER_PATTERN, shape }),
    );
  return label === undefined || patterns === undefined ? undefined : { label, patterns };
}

function readLabels(fields: ReturnType<typeof asMap>): { label?: string; groupLabel?: string } {
  const [labelSpot, groupSpot] = [fields?.("label"), fields?.("groupLabel")];
  const label = labelSpot && asText(labelSpot, LABEL);
  const groupLabel = groupSpot && asText(groupSpot, LABEL);
  return { ...(label !== undefined && { label }), ...(groupLabel !== undefined && { groupLabel }) };
}

function checkList(
  spot: Spot,
  control: string,
  allowed: string[] | undefined,
  free: readonly string[],
): void {
  if (allowed !== undefined && free.includes(control)) {
    complain(spot, `${control} lets people enter anything, but allowedValues is given. Use DROPDOWN_LIST.`);
  }
  if (allowed === undefined && control === "DROPDOWN_LIST") {
    complain(spot, "DROPDOWN_LIST needs allowedValues to choose from.");
  }
}
