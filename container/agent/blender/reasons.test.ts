// Blender's words become one sentence, with the words and what to do next.
import { expect, test } from "vitest";
import { explain, explainDeath, lastUsefulLine } from "./reasons.ts";

test.each([
  [
    "Error: Cannot render, no camera",
    [],
    /no camera to render from \(Blender: "Error: Cannot render, no camera"\)\. .*--camera NAME/,
  ],
  [
    "Error: Render error (No space left on device) cannot save: '/x/0001.png'",
    [],
    /disk .* is full .*tally requeue$/,
  ],
  ["Error: Build without OpenImageDenoiser", [], /cannot denoise.*tally blender install/],
  ["Error: engine not found 'NOPE'", [], /does not have the scene's render engine.*--engine CYCLES/],
  ["Error: Failed to read blend file '/x/a.blend': Missing DNA block", [], /cut off or damaged/],
  [
    "Error: System is out of GPU memory",
    ["Out of memory in cuMemAlloc(&device_pointer, size) (queue.cpp:21)"],
    /GPU ran out of memory.*--device cpu/,
  ],
  [
    "",
    ["Out of memory in cuStreamCreate(&cuda_stream_, CU_STREAM_NON_BLOCKING) (C:\\Users\\x\\queue.cpp:21)"],
    /GPU ran out of memory \(Blender: "Out of memory in cuStreamCreate/,
  ],
  ["Error: Render error (Permission denied) cannot save: '/x/0001.png'", [], /could not write the picture/],
  [
    "Error: Something nobody has seen",
    [],
    /^Blender could not render the frame \(Blender: "Error: Something nobody has seen"\)\. .*tally logs$/,
  ],
  [
    "the picture 0001.png is empty",
    ["00:01.000  render | Error: Render error (No space left on device) cannot save: 'x'"],
    /disk .* is full/,
  ],
])("%s %s", (words, lines, sentence) => {
  expect(explain(words, lines)).toMatch(sentence);
});

test("a death names the signal and the last words that matter", () => {
  const lines = [
    "Fra:1 Mem:9M | Sample 1/8",
    "Warning: Unable to open 'x.blend'",
    "Fra:1 Mem:9M | Sample 2/8",
    "EGL Error (0x3001)",
  ];
  expect(lastUsefulLine(lines)).toBe("Warning: Unable to open 'x.blend'");
  expect(explainDeath(null, "SIGSEGV", [])).toMatch(
    /crashed \(SIGSEGV, segmentation fault\) while it rendered this frame/,
  );
  expect(explainDeath(null, "SIGKILL", lines)).toMatch(
    /was killed \(SIGKILL.*Its last words: "Warning: Unable to open 'x\.blend'"/,
  );
  expect(explainDeath(11, null, [])).toMatch(/ended by itself \(exit code 11\)/);
});
