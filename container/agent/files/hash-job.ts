// What is asked of a hashing thread and what it answers.

/** Whole files, each read until it holds still. */
export interface HashJob {
  kind: "hash";
  paths: string[];
}

/** A piece of one file. */
export interface RangeJob {
  kind: "range";
  path: string;
  start: number;
  bytes: number;
}

/** Small files to be put together, their hashes looked at once more. */
export interface PackJob {
  kind: "pack";
  files: { path: string; sha256: string; bytes: number }[];
  /** Memory to be used again, when it is large enough. */
  memory: ArrayBuffer | undefined;
}

export type WorkerQuestion = HashJob | RangeJob | PackJob;

/** Why a file could not be read, in the system's words. */
export interface ReadFailure {
  message: string;
  code?: string;
  path?: string;
}

/** A file as it was when it was read: whole, changing all the while, or not to be read. */
export type HashedFile =
  | { sha256: string; bytes: number; mtimeNs: bigint; ctimeNs: bigint; inode: bigint }
  | { changed: true }
  | { failed: ReadFailure };

/** `progress`: bytes read since the last word; the others end a question. */
export type WorkerAnswer =
  | { progress: number }
  | { hashed: HashedFile[] }
  | { range: { sha256: string; bytes: number } }
  | { pack: { data: Uint8Array<ArrayBuffer> } | { changed: string } }
  | { failed: ReadFailure };
