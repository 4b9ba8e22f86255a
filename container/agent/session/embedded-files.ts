// Writes the embedded files of a script, for this user alone, before each of its actions.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { EmbeddedFile } from "../../../broker/openjd/types.ts";

/** Where each file of a script will lie, by name. */
export function embeddedPaths(files: readonly EmbeddedFile[], folder: string): Record<string, string> {
  return Object.fromEntries(files.map((file, index) => [file.name, join(folder, fileName(file, index))]));
}

/**
 * Writes the files into `folder`; `resolve` puts values into their text.
 * @throws Error when a name leaves the folder, a reference has no value or the disk refuses.
 */
export function writeEmbeddedFiles(
  files: readonly EmbeddedFile[],
  folder: string,
  resolve: (text: string) => string,
): void {
  if (files.length === 0) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  files.forEach((file, index) => {
    const path = join(folder, fileName(file, index));
    const mode = file.runnable === true ? 0o700 : 0o600;
    // A former action may have changed its mode or put a link in its place.
    rmSync(path, { force: true });
    writeFileSync(path, resolve(file.data), { mode, flag: "wx" });
  });
}

function fileName(file: EmbeddedFile, index: number): string {
  if (file.filename === undefined) return `_${index}-${file.name}`;
  if (file.filename !== basename(file.filename) || file.filename === ".." || file.filename === ".") {
    throw new Error(
      `The embedded file "${file.name}" has a file name with folders in it. Give it a bare name.`,
    );
  }
  return file.filename;
}
