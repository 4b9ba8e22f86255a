// The list of a job's input files: a blob of JSON that the submit names, written by every client in the same way.
import { z } from "zod";
import { sha256Schema } from "./blob.ts";

/** Longest manifest, bytes, and most files in one. */
export const maxManifestBytes = 64 * 1024 * 1024;
export const maxManifestFiles = 200_000;

const path = z.string().min(1).max(4096);
const group = z
  .string()
  .max(64)
  .optional()
  .meta({ description: "The template parameter it came with; a step fetches what its parameters need" });

export const manifestSchema = z
  .object({
    version: z.literal(1),
    format: z.enum(["posix", "windows"]).meta({ description: "How the paths are spelled" }),
    roots: z
      .array(path)
      .max(1000)
      .meta({ description: "Folders, absolute, that appear as a whole below the session's own folder" }),
    files: z
      .array(
        z
          .object({
            path: path.meta({ description: "Absolute, without . and .." }),
            sha256: sha256Schema,
            bytes: z.int().nonnegative(),
            executable: z.literal(true).optional(),
            group,
          })
          .strict(),
      )
      .max(maxManifestFiles),
    folders: z.array(z.object({ path, group }).strict()).max(maxManifestFiles).default([]).meta({
      description: "Folders that are empty and must be there all the same",
    }),
    shared: z
      .array(z.object({ path, bytes: z.int().nonnegative(), group }).strict())
      .max(maxManifestFiles)
      .default([])
      .meta({ description: "Files below a shared root: read there by the worker, which checks their size" }),
  })
  .strict()
  .meta({ id: "Manifest" });
export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestInput = z.input<typeof manifestSchema>;

/**
 * The names below a root that a path stands for, root first: `/a/b` → `["a", "b"]`, `C:\a` → `["C", "a"]`,
 * `\\host\share\a` → `["UNC", "host", "share", "a"]`. Null for a path that is not absolute, or that has a part that no
 * file may have here: empty, `.`, `..`, a NUL, a backslash in a POSIX name is fine.
 */
export function pathNames(text: string, format: Manifest["format"]): string[] | null {
  if (text.includes("\0")) return null;
  let names: string[];
  if (format === "posix") {
    if (!text.startsWith("/") || /^\/\/(?!\/)/.test(text)) return null;
    names = text.slice(1).split("/");
  } else {
    const drive = /^([A-Za-z]):[\\/]/.exec(text);
    const share = /^[\\/]{2}([^\\/]+)[\\/]([^\\/]+)(?:[\\/]|$)/.exec(text);
    if (drive) names = [(drive[1] as string).toUpperCase(), ...text.slice(3).split(/[\\/]/)];
    else if (share)
      names = ["UNC", share[1] as string, share[2] as string, ...restOf(text.slice(share[0].length))];
    else return null;
    if (names.some((name) => /[<>:"|?*]/.test(name))) return null;
  }
  // "/" itself, and a trailing slash.
  if (names.at(-1) === "") names.pop();
  return names.every((name) => name !== "" && name !== "." && name !== "..") ? names : null;
}

function restOf(text: string): string[] {
  return text === "" ? [] : text.split(/[\\/]/);
}

/** What is wrong with the paths of a manifest, one sentence each; at most 20. */
export function manifestProblems(manifest: Manifest): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  const fold = (names: string[]) => names.join("/");
  const lists: [string, boolean][] = [
    ...manifest.roots.map((one): [string, boolean] => [one, false]),
    ...manifest.files.map(({ path: one }): [string, boolean] => [one, true]),
    ...manifest.folders.map(({ path: one }): [string, boolean] => [one, false]),
    ...manifest.shared.map(({ path: one }): [string, boolean] => [one, true]),
  ];
  for (const [text, unique] of lists) {
    if (problems.length >= 20) break;
    const names = pathNames(text, manifest.format);
    if (!names) problems.push(`"${text.slice(0, 200)}" is not an absolute path inside a folder.`);
    else if (unique && seen.has(fold(names))) problems.push(`"${text.slice(0, 200)}" is there twice.`);
    else if (unique) seen.add(fold(names));
  }
  return problems;
}
