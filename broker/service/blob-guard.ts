// Keeps blobs that come and blobs that go apart: between "the store has it" and "the row says so", nobody removes it;
// and while one is being removed, nobody takes it for present.

export interface BlobGuard {
  /** Runs `add` while none of these hashes can be removed; waits for those that are on their way out. */
  adding<T>(sha256s: readonly string[], add: () => Promise<T>): Promise<T>;
  /** Runs `remove` with those of the hashes that nobody adds at this moment. */
  removing<T>(sha256s: readonly string[], remove: (free: string[]) => Promise<T>): Promise<T>;
}

/** A guard that holds nothing yet. */
export function createBlobGuard(): BlobGuard {
  const coming = new Map<string, number>();
  const leaving = new Map<string, Promise<unknown>>();

  function count(sha256s: readonly string[], by: 1 | -1): void {
    for (const one of sha256s) {
      const now = (coming.get(one) ?? 0) + by;
      if (now === 0) coming.delete(one);
      else coming.set(one, now);
    }
  }

  return {
    async adding(sha256s, add) {
      for (;;) {
        const waits = sha256s.map((one) => leaving.get(one)).filter((one) => one !== undefined);
        if (waits.length === 0) break;
        // oxlint-disable-next-line no-await-in-loop -- another may begin to leave meanwhile
        await Promise.allSettled(waits);
      }
      count(sha256s, 1);
      try {
        return await add();
      } finally {
        count(sha256s, -1);
      }
    },
    async removing(sha256s, remove) {
      const free = sha256s.filter((one) => !coming.has(one) && !leaving.has(one));
      const work = remove(free);
      for (const one of free) leaving.set(one, work);
      try {
        return await work;
      } finally {
        for (const one of free) leaving.delete(one);
      }
    },
  };
}
