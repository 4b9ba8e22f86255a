// Reads the recorded Open Job Description cases; numbers of their templates keep the text they were written as.
import { readFileSync } from "node:fs";
import { readTemplateText } from "../../broker/openjd/document.ts";

/** One recorded case: its plain JSON, and its template as `readTemplateText` reads it. */
export interface RecordedCase<Shape> {
  json: Shape;
  template: unknown;
}

/** All cases of one file in `cases/openjd`. */
export function recordedCases<Shape>(file: string): RecordedCase<Shape>[] {
  const text = readFileSync(new URL(`cases/openjd/${file}`, import.meta.url), "utf8");
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const { document } = readTemplateText(line);
    return { json: JSON.parse(line) as Shape, template: (document as { template: unknown }).template };
  });
}
