// What can be wrong with one file on its way in or home, each in a sentence of its own.

/** A file is no longer what it was when its hash was taken. */
export class FileChangedError extends Error {
  readonly path: string;

  constructor(path: string) {
    super(
      `The file ${path} changed while it was read. Wait until nothing writes to it any more, and submit again.`,
    );
    this.name = "FileChangedError";
    this.path = path;
  }
}

/** A file could not be read. */
export class FileUnreadableError extends Error {
  readonly path: string;

  constructor(path: string, why: string) {
    super(`The file ${path} cannot be read: ${why}. Make it readable, and try again.`);
    this.name = "FileUnreadableError";
    this.path = path;
  }
}

/** A file could not be written; `code` is the system's, such as ENOSPC. */
export class FileUnwritableError extends Error {
  readonly path: string;
  readonly code: string | undefined;

  constructor(path: string, cause: unknown) {
    super(`The file ${path} cannot be written: ${reasonOf(cause)}. Mend that, and try again.`, { cause });
    this.name = "FileUnwritableError";
    this.path = path;
    this.code = codeOf(cause);
  }
}

/** The broker has other bytes than their hash says, twice. */
export class BlobDamagedError extends Error {
  readonly sha256: string;

  constructor(sha256: string) {
    super(
      `The bytes ${sha256.slice(0, 12)}… arrived damaged twice. Submit the job again, so that the file is sent anew.`,
    );
    this.name = "BlobDamagedError";
    this.sha256 = sha256;
  }
}

/** The broker does not have these bytes. */
export class BlobMissingError extends Error {
  readonly sha256: string;

  constructor(sha256: string) {
    super(`The broker no longer has the bytes ${sha256.slice(0, 12)}…. Submit the job again.`);
    this.name = "BlobMissingError";
    this.sha256 = sha256;
  }
}

const words: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  EPERM: "permission denied",
  EROFS: "the disk is read-only",
  ENOSPC: "the disk is full",
  EDQUOT: "the disk's quota is used up",
  EIO: "the disk reports an error",
  ELOOP: "its links lead in a circle",
  ENAMETOOLONG: "its name is too long",
  ENOENT: "it does not exist",
  ENOTDIR: "it does not exist",
  EMFILE: "too many files are open",
  ESTALE: "the server that it lies on forgot it",
};

/** The reason of a failed file operation in a few words. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error);
  if (code !== undefined && words[code] !== undefined) return words[code];
  return code ?? (error instanceof Error ? error.message : String(error));
}

/** The system's code of an error, such as ENOENT. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
