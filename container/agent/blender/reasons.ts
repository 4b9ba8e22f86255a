// Turns Blender's own words into one sentence for the artist, with the words themselves and the next step.

type Rule = { words: RegExp; says: string; next: string };

const RULES: readonly Rule[] = [
  {
    words: /no camera/i,
    says: "The scene has no camera to render from",
    next: "Add one in Blender, or submit again with --camera NAME.",
  },
  {
    words: /No space left on device|File too large|disk.{0,10}full/i,
    says: "The disk of the machine that renders is full",
    next: "Free some space, then requeue the frame: tally requeue",
  },
  {
    words: /without OpenImageDenoise/i,
    says: "This Blender cannot denoise, and the scene asks for it",
    next: "Turn denoising off in the scene, or get a full Blender: tally blender install 4.5",
  },
  {
    words: /engine not found|engine '.*' not (?:found|available)/i,
    says: "This Blender does not have the scene's render engine",
    next: "Submit again with --engine CYCLES, or install the engine's add-on.",
  },
  {
    words:
      /out of (?:GPU|video|device) memory|out of memory in (?:cu|hip)|(?:CUDA|HIP|OPTIX|Metal|oneAPI).*out of memory|(?:cu|hip)(?:MemAlloc|StreamCreate|ArrayCreate)/i,
    says: "The GPU ran out of memory",
    next: "Submit again with --device cpu, or make the scene lighter (textures, --scale 50).",
  },
  {
    words: /std::bad_alloc|Malloc returns null|calloc returns null|out of memory/i,
    says: "The machine ran out of memory",
    next: "Make the scene lighter, or render it on a machine with more memory.",
  },
  {
    words: /Error in PyDriver|PyDriver/i,
    says: "A driver in the scene does not work, so the picture would be wrong",
    next: "Mend it in Blender, or submit again with --allow-scripts if it needs the scene's scripts.",
  },
  {
    words: /scripts disabled for/i,
    says: "The scene needs its own scripts, and they were not run",
    next: "Submit again with --allow-scripts if you trust this file.",
  },
  {
    words: /Missing DNA block|Failed to read blend file|unexpected end|read blend.*damaged|truncat/i,
    says: "The scene's file is cut off or damaged",
    next: "Save it again in Blender, then submit again.",
  },
  {
    words: /File format is not supported|not a blend file/i,
    says: "The scene's file is not one that this Blender can open",
    next: "Check the file, or install its Blender: tally blender install X.Y",
  },
  {
    words: /Cannot read file|No such file or directory/i,
    says: "A file that the scene needs is not there",
    next: "Put it back, or submit again with --allow-missing.",
  },
  {
    words: /Permission denied|Read-only file system|cannot save/i,
    says: "Blender could not write the picture",
    next: "Check the folder and its permissions, then requeue the frame: tally requeue",
  },
  {
    words: /saved nothing|was not written|is empty|is a cut-off|is a damaged/i,
    says: "Blender ended the frame without a whole picture",
    next: "Read the frame's log for the cause: tally logs",
  },
  {
    words: /Traceback|^(?!Error:)\w+(?:Error|Exception): /m,
    says: "A script in the scene failed",
    next: "Mend the script in Blender; the log has its lines: tally logs",
  },
];

const USEFUL =
  /error|warning|cannot|can't|failed|unable|missing|out of memory|Traceback|segmentation|abort|exception|not found|disabled|Writing: .*crash/i;
const NOISE =
  /EGL Error|surfaceless EGL|Not freed memory|OIIO DEBUG|unable to open(?: the)? display|Fra:-?\d+ Mem:|Sample \d+\/\d+/i;

/** The last line of a log that may tell why a renderer failed, without Blender's time stamps; "" when none does. */
export function lastUsefulLine(lines: readonly string[]): string {
  const line = lines.findLast((one) => USEFUL.test(one) && !NOISE.test(one)) ?? "";
  return line
    .replace(/^\d+:\d\d(?::\d\d)?\.\d{3}\s+\S+\s*\| /, "")
    .trim()
    .slice(0, 300);
}

/**
 * One plain sentence, the renderer's own words, and what to do next.
 * @param words what Blender raised; @param lines the frame's log, searched when the words alone say nothing.
 */
export function explain(words: string, lines: readonly string[]): string {
  const raised = firstLine(words);
  const logged = lastUsefulLine(lines);
  const useful = lines.filter((line) => USEFUL.test(line) && !NOISE.test(line)).join("\n");
  const rule =
    RULES.find(
      (one) => one.words.test(words) && one.says !== "Blender ended the frame without a whole picture",
    ) ??
    RULES.find((one) => one.words.test(useful)) ??
    RULES.find((one) => one.words.test(words));
  const own = rule && !rule.words.test(words) ? matchingLine(lines, rule.words) || logged : raised || logged;
  const quoted = own ? ` (Blender: "${own}")` : "";
  if (rule) return `${rule.says}${quoted}. ${rule.next}`;
  return `Blender could not render the frame${quoted}. Read the frame's log for the cause: tally logs`;
}

/** Why a Blender that ended by itself did so: its signal or exit code in words, and the last useful log line. */
export function explainDeath(code: number | null, signal: string | null, lines: readonly string[]): string {
  const useful = lines.filter((line) => USEFUL.test(line) && !NOISE.test(line)).join("\n");
  const rule = RULES.find((one) => one.words.test(useful));
  const last = lastUsefulLine(lines);
  const quoted = last ? ` Its last words: "${last}".` : "";
  const how =
    signal === null
      ? `ended by itself (exit code ${code ?? "unknown"})`
      : (SIGNALS[signal] ?? `was ended by ${signal}`);
  const cause = rule && signal !== "SIGKILL" ? ` ${rule.says}.` : "";
  return `Blender ${how} while it rendered this frame.${cause}${quoted} ${rule && signal !== "SIGKILL" ? rule.next : DEATH_NEXT}`;
}

const DEATH_NEXT =
  "If it happens again, render the frame in Blender itself to see why; to try again: tally requeue";
const SIGNALS: Record<string, string> = {
  SIGKILL: "was killed (SIGKILL; by a person, or by the system when memory runs out)",
  SIGSEGV: "crashed (SIGSEGV, segmentation fault)",
  SIGABRT: "gave up (SIGABRT)",
  SIGBUS: "crashed (SIGBUS)",
  SIGTERM: "was told to end (SIGTERM)",
};

function matchingLine(lines: readonly string[], words: RegExp): string {
  return firstLine(lines.find((line) => words.test(line)) ?? "");
}

function firstLine(text: string): string {
  const lines = text
    .split("\n")
    .map((line) => line.trim())
    .filter(Boolean);
  const line = lines.find((one) => one.startsWith("Error")) ?? lines.at(-1) ?? "";
  return line.replace(/^\d+:\d\d(?::\d\d)?\.\d{3}\s+\S+\s*\| /, "").slice(0, 300);
}
