// Submits jobs with files, and reads what they made: as a client does, by the same library.
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import type { Artifact } from "../../broker/contract/attempt.ts";
import type { Client } from "../../broker/contract/client.ts";
import type { SubmitInput } from "../../broker/contract/job.ts";
import { hashFiles } from "../../container/agent/files/hash.ts";
import { buildManifest, manifestBytes } from "../../container/agent/files/manifest.ts";
import { scanFolder, statFiles, type FoundFile } from "../../container/agent/files/scan.ts";
import { uploadBytes, uploadFiles } from "../../container/agent/files/upload.ts";

/** Uploads folders (as roots) and files, each for a parameter; returns the submit's `manifest`. */
export async function uploadInputs(
  client: Client,
  inputs: { group?: string; folder?: string; file?: string }[],
): Promise<NonNullable<SubmitInput["manifest"]>> {
  const parts = [];
  const sha256s = new Map<FoundFile, string>();
  for (const { group, folder, file } of inputs) {
    const found =
      folder === undefined ? await statFiles(file === undefined ? [] : [file]) : await scanFolder(folder);
    if (found.problems.length > 0) throw new Error(found.problems.join("\n"));
    const hashed = await hashFiles(found.files);
    found.files.forEach((one, index) => sha256s.set(one, hashed.sha256s[index] ?? ""));
    parts.push({ found, roots: folder === undefined ? [] : [folder], ...(group !== undefined && { group }) });
  }
  const shaOf = (file: FoundFile): string => sha256s.get(file) ?? "";
  await uploadFiles(
    client,
    [...sha256s].map(([{ path, bytes }, sha256]) => ({ path, bytes, sha256 })),
  );
  return await uploadBytes(client, manifestBytes(buildManifest(parts, shaOf)));
}

/** Writes files below a folder, by their names. */
export async function writeTree(folder: string, files: Record<string, string | Uint8Array>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  }
}

/** The text of every file below a folder, by its name. */
export async function readTree(folder: string): Promise<Record<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name));
  const read = files.map(async (path) => [relative(folder, path), await readFile(path, "utf8")] as const);
  return Object.fromEntries((await Promise.all(read)).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** The result files of a job. */
export async function artifactsOf(client: Client, job: number): Promise<Artifact[]> {
  return (await client.call<{ items: Artifact[] }>("get", `/v1/jobs/${job}/artifacts`)).items;
}

/** The bytes of a result file as text. */
export async function contentOf(client: Client, { sha256 }: Artifact): Promise<string> {
  return await (await client.raw("get", `/v1/blobs/${sha256}`)).text();
}

/** How many bytes lie below a folder. */
export async function bytesBelow(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries.filter((it) => it.isFile()).map((it) => join(it.parentPath, it.name));
  const sizes = await Promise.all(files.map((path) => stat(path).then(({ size }) => size)));
  return sizes.reduce((sum, size) => sum + size, 0);
}
