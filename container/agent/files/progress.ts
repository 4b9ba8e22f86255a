// How far a transfer is: whole files and bytes, those of an attempt that failed taken back.

/** Files and bytes done and in all. */
export interface Progress {
  doneFiles: number;
  doneBytes: number;
  totalFiles: number;
  totalBytes: number;
}

export interface Attempt {
  move(bytes: number): void;
  undo(): void;
  settle(bytes: number): void;
}

export interface Counter {
  readonly progress: Readonly<Progress>;
  /** So many more bytes moved. */
  move(bytes: number): void;
  /** So many more files are done. */
  finish(files?: number): void;
  /** Counts the bytes of one thing: `move` for each piece, `undo` when a try failed, `settle` when the sum is known. */
  attempt(): Attempt;
}

/** Counts towards a total and tells `onProgress` after each change. */
export function createCounter(
  total: { files: number; bytes: number },
  onProgress?: (progress: Progress) => void,
): Counter {
  const progress = { doneFiles: 0, doneBytes: 0, totalFiles: total.files, totalBytes: total.bytes };
  const move = (bytes: number) => {
    if (bytes === 0) return;
    progress.doneBytes += bytes;
    onProgress?.({ ...progress });
  };
  return {
    progress,
    move,
    finish(files = 1) {
      progress.doneFiles += files;
      onProgress?.({ ...progress });
    },
    attempt() {
      let moved = 0;
      return {
        move(bytes) {
          moved += bytes;
          move(bytes);
        },
        undo() {
          move(-moved);
          moved = 0;
        },
        settle(bytes) {
          move(bytes - moved);
          moved = bytes;
        },
      };
    },
  };
}
