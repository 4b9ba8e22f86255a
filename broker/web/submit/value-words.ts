// Words for values that templates spell as programs do; the value that is sent stays as it is.

const words: Readonly<Record<string, string>> = {
  SCENE: "as the scene has it",
  ON: "on",
  OFF: "off",
  GPU_OR_CPU: "GPU, else CPU",
  OPEN_EXR: "OpenEXR",
  OPEN_EXR_MULTILAYER: "OpenEXR, all layers in one",
  WEBP: "WebP",
  TARGA: "Targa",
  TARGA_RAW: "Targa, uncompressed",
  HDR: "Radiance HDR",
  CINEON: "Cineon",
  JPEG2000: "JPEG 2000",
  IRIS: "Iris",
  h264: "H.264",
  h265: "H.265",
  prores: "ProRes",
  vp9: "VP9",
  av1: "AV1",
};

/** How a choice is shown; `emptyMeans`: what the template says that no value means. */
export function wordsOf(value: string, emptyMeans: string | null = null): string {
  if (value === "") return emptyMeans ?? "as it is";
  return (Object.hasOwn(words, value) ? words[value] : undefined) ?? value;
}

const saidOf = { "0": /(?:^|\s)0 means ([^.;,]+)/, "": /\bempty means ([^.;,]+)/i } as const;

/**
 * What a preset means, where the description says so: "0 means as the scene has it" of the preset 0, "Empty means …" of
 * an empty one; null where it says nothing.
 */
export function presetWords(preset: string | null, description: string): string | null {
  if (preset !== "0" && preset !== "") return null;
  return saidOf[preset].exec(description)?.[1]?.trim() ?? null;
}

/** The description without what its preset means, which the field shows in its place; more than that stays. */
export function withoutPreset(preset: string | null, description: string): string {
  if (presetWords(preset, description) === null) return description;
  const said =
    preset === "0" ? /[;.]?\s*\b0 means [^.;,]+(?=\.|$)/ : /[;.]?\s*\bempty means [^.;,]+(?=\.|$)/i;
  return description.replace(said, "").replace(/^[.\s]+/, "");
}
