// A job's input files: found, hashed and sent, and the list of them that the job names. Nothing is sent twice.
import { dirname } from "node:path";
import type { BlobRef } from "../contract/blob.ts";
import type { Client } from "../contract/client.ts";
import { maxManifestFiles } from "../contract/manifest.ts";
import type { SharedRoot } from "../contract/system.ts";
import type { Found, FoundFile } from "../../container/agent/files/scan.ts";
import type { SharedFile } from "../../container/agent/files/manifest.ts";
import type { UploadFile } from "../../container/agent/files/upload.ts";
import { Failure } from "./failure.ts";
import { createSharedTest, rootsOf } from "./input-roots.ts";
import type { TransferProgress } from "./transfer-progress.ts";

/** What a job reads, all paths absolute. */
export interface JobInputs {
  /** A scene: its bytes as they were at submit lie in `copy`. Its folder appears as a whole on the worker. */
  scene?: { path: string; copy: string; sha256: string; bytes: number };
  parts: InputPart[];
}

/** Files that belong together: those of one template parameter (`group`), or of none. */
export interface InputPart {
  group?: string;
  files: string[];
  /** Folders with all that is in them. */
  folders: string[];
  /** The folders of `files` appear as a whole too, so that what lies beside a file is looked for beside it. */
  keepsFolders?: boolean;
}

/** Ready to be sent. */
export interface CollectedInputs {
  manifest: Uint8Array<ArrayBuffer>;
  uploads: UploadFile[];
  files: number;
  bytes: number;
  notes: string[];
}

export interface CollectOptions {
  sharedRoots: readonly SharedRoot[];
  /** Goes on without files that are not there or cannot be read. */
  allowMissing: boolean;
  signal: AbortSignal;
  progress: TransferProgress;
}

/** The scene's own group: only the steps that open it fetch it. */
export const sceneGroup = "Scene";

/** The scene alone: everything else is read where it lies. */
export function withoutOthers(inputs: JobInputs): JobInputs {
  return { ...(inputs.scene && { scene: inputs.scene }), parts: [] };
}

/**
 * Finds and hashes a job's inputs. Throws a Failure with every problem at once, or with the file that changed
 * meanwhile; the signal's reason when it is aborted.
 */
export async function collectInputs(inputs: JobInputs, options: CollectOptions): Promise<CollectedInputs> {
  const { scanFolder, statFiles } = await import("../../container/agent/files/scan.ts");
  const { hashFiles } = await import("../../container/agent/files/hash.ts");
  const { openHashCache } = await import("../../container/agent/files/hash-cache.ts");
  const { buildManifest, manifestBytes } = await import("../../container/agent/files/manifest.ts");
  const { signal, progress } = options;
  const isShared = createSharedTest(options.sharedRoots);
  const allFolders = inputs.parts.flatMap(({ folders }) => folders);
  const found: { part: InputPart; found: Found; roots: string[] }[] = [];
  const shared: SharedFile[] = [];
  progress.looking({ doneFiles: 0, doneBytes: 0, totalFiles: 0, totalBytes: 0 });
  for (const part of inputs.parts) {
    // oxlint-disable no-await-in-loop -- each asks the disk as much at once as it can take
    const pieces = [await statFiles(part.files.filter(isNotScene), { signal })];
    for (const folder of part.folders) pieces.push(await scanFolder(folder, { signal, roots: allFolders }));
    // oxlint-enable no-await-in-loop
    const { group } = part;
    const all = merged(pieces);
    for (const { path, bytes } of all.files.filter((file) => isShared(file.path)))
      shared.push({ path, bytes, ...(group !== undefined && { group }) });
    const own = {
      ...all,
      files: all.files.filter(({ path }) => !isShared(path)),
      emptyFolders: all.emptyFolders.filter((path) => !isShared(path)),
    };
    const beside = part.keepsFolders === true ? own.files.map(({ path }) => dirname(path)) : [];
    found.push({ part, found: own, roots: [...part.folders, ...beside].filter((one) => !isShared(one)) });
  }
  const problems = found.flatMap((one) => one.found.problems);
  if (problems.length > 0 && !options.allowMissing) throw new Failure(problemsText(problems));
  const files = found.flatMap((one) => one.found.files);
  if (files.length + shared.length > maxManifestFiles)
    throw new Failure(
      `The job would take ${(files.length + shared.length).toLocaleString("en-US")} input files, and at most ${maxManifestFiles.toLocaleString("en-US")} are possible. Name smaller folders.`,
    );

  const cache = openHashCache();
  let sha256s: string[];
  try {
    const hashed = await hashFiles(files, { cache, signal, onProgress: (at) => progress.looking(at) });
    if (hashed.changed.length > 0) throw new Failure(changedText(hashed.changed));
    ({ sha256s } = hashed);
  } catch (error) {
    throw asFailure(error);
  } finally {
    cache.close();
  }
  const shaOf = new Map(files.map((file, index) => [file.path, sha256s[index] as string]));
  const parts = found.map(({ part, found: own, roots }) => ({
    found: own,
    roots,
    ...(part.group !== undefined && { group: part.group }),
  }));
  const { scene } = inputs;
  // With their times: a change between hashing and sending is then noticed also where a part of it was sent before.
  const uploads = files.map<UploadFile>(({ path, bytes, mtimeNs, ctimeNs }) => ({
    path,
    bytes,
    sha256: shaOf.get(path) as string,
    mtimeNs,
    ctimeNs,
  }));
  if (scene) {
    shaOf.set(scene.path, scene.sha256);
    const folder = dirname(scene.path);
    // Beside a scene on a shared root its textures are in place; alone it is one file that is elsewhere.
    const keeps = inputs.parts.length > 0 && !isShared(folder);
    parts.push({ group: sceneGroup, found: asFound(scene), roots: keeps ? [folder] : [] });
    uploads.unshift({ path: scene.copy, sha256: scene.sha256, bytes: scene.bytes });
  }
  // One set of roots for all: a folder of one parameter may lie in another's.
  const roots = rootsOf(parts.flatMap((part) => part.roots));
  const [first, ...others] = parts.map((part) => ({ ...part, roots: [] as string[] }));
  const manifest = buildManifest(
    first === undefined ? [] : [{ ...first, roots }, ...others],
    ({ path }) => shaOf.get(path) as string,
    shared,
  );
  return {
    manifest: manifestBytes(manifest),
    uploads,
    files: uploads.length,
    bytes: uploads.reduce((sum, { bytes }) => sum + bytes, 0),
    notes: [...found.flatMap((one) => one.found.notes), ...(options.allowMissing ? leftOut(problems) : [])],
  };

  function isNotScene(path: string): boolean {
    return path !== inputs.scene?.path;
  }
}

/** Sends what the broker lacks, then the list. Answers the list's name, which the job is submitted with. */
export async function sendInputs(
  client: Client,
  { manifest, uploads }: CollectedInputs,
  { signal, progress }: Pick<CollectOptions, "signal" | "progress">,
): Promise<BlobRef> {
  const { uploadBytes, uploadFiles } = await import("../../container/agent/files/upload.ts");
  const { createRate } = await import("../../container/agent/files/rate.ts");
  let rate: ReturnType<typeof createRate> | undefined;
  const onWaiting = (why: string): void => progress.waiting(why);
  try {
    await uploadFiles(client, uploads, {
      signal,
      onWaiting,
      onProgress: (at) => {
        rate ??= createRate(at.totalBytes);
        progress.moving("Uploading", at, rate.update(at));
      },
    });
    return await uploadBytes(client, manifest, { signal, onWaiting });
  } catch (error) {
    throw asFailure(error);
  }
}

function merged(pieces: readonly Found[]): Found {
  return {
    files: pieces.flatMap(({ files }) => files),
    emptyFolders: pieces.flatMap(({ emptyFolders }) => emptyFolders),
    problems: pieces.flatMap(({ problems }) => problems),
    notes: pieces.flatMap(({ notes }) => notes),
  };
}

function asFound({ path, bytes }: { path: string; bytes: number }): Found {
  const file: FoundFile = { path, bytes, mtimeNs: 0n, ctimeNs: 0n, inode: 0n, executable: false };
  return { files: [file], emptyFolders: [], problems: [], notes: [] };
}

/** The library's own errors are sentences for a person. */
function asFailure(error: unknown): unknown {
  const sentences = ["FileChangedError", "FileUnreadableError"];
  return error instanceof Error && sentences.includes(error.name) ? new Failure(error.message) : error;
}

function changedText(changed: readonly { path: string }[]): string {
  const [first] = changed;
  if (changed.length === 1 && first)
    return `The file ${first.path} changed while it was read. Wait until nothing writes to it any more, and submit again.`;
  return `These files changed while they were read:\n${listed(changed.map(({ path }) => path))}\nWait until nothing writes to them any more, and submit again.`;
}

function problemsText(problems: readonly string[]): string {
  const what = problems.length === 1 ? "An input file cannot" : `${problems.length} input files cannot`;
  return `${what} be sent:\n${listed(problems)}\nMend ${problems.length === 1 ? "it" : "them"}, or go on without: --allow-missing.`;
}

function leftOut(problems: readonly string[]): string[] {
  if (problems.length === 0) return [];
  return [`Left out, as --allow-missing says:\n${listed(problems)}`];
}

function listed(lines: readonly string[]): string {
  const shown = lines.slice(0, 20).map((line) => `  ${line}`);
  if (lines.length > 20) shown.push(`  and ${lines.length - 20} more`);
  return shown.join("\n");
}
