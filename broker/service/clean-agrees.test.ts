// What a dry run says is what then leaves the disk, whatever there is: random jobs, files, needs and rules, on a real disk.
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { sha256Of } from "../../test/support/blobs.ts";
import { createFakeClock } from "../../test/support/fake-clock.ts";
import { openBroker, type TestBroker } from "../../test/support/start-broker.ts";
import type { Cleaned } from "../contract/system.ts";

const dayMs = 86_400_000;
const names = ["a", "bb", "ccc", "dddd", "eeeee", "ffffff"] as const;

const ago = fc.constantFrom(0.5, 3, 20, 60);
const blobIndex = fc.integer({ min: 0, max: names.length - 1 });
const resultArbitrary = fc.record({
  blob: blobIndex,
  /** Frames share ordinals, and a newer generation takes the place of an older one. */
  ordinal: fc.integer({ min: 0, max: 1 }),
  generation: fc.integer({ min: 1, max: 2 }),
  delivered: fc.option(ago),
  hasProblem: fc.boolean(),
  /** The blob of its small picture. */
  preview: fc.option(blobIndex),
  /** An earlier cleaning let go of it. */
  isCleaned: fc.boolean(),
});
const jobArbitrary = fc.record({
  ended: fc.option(ago, { freq: 5 }),
  isCleaned: fc.boolean(),
  inputs: fc.uniqueArray(blobIndex, { maxLength: 3 }),
  results: fc.array(resultArbitrary, { maxLength: 4 }),
});
const blobArbitrary = fc.record({
  used: ago,
  kind: fc.constantFrom("known", "known", "known", "dropped", "stray"),
});
const days = fc.option(fc.constantFrom(1, 7, 30), { nil: undefined });
const askArbitrary = fc.oneof(
  fc.record({ deliveredDays: days, inputDays: days, undeliveredDays: days }),
  fc.record({ job: fc.integer({ min: 0, max: 3 }) }),
);
const stateArbitrary = fc.record({
  blobs: fc.tuple(...names.map(() => blobArbitrary)),
  jobs: fc.array(jobArbitrary, { minLength: 1, maxLength: 4 }),
  asks: fc.array(askArbitrary, { minLength: 1, maxLength: 3 }),
});
type State = typeof stateArbitrary extends fc.Arbitrary<infer S> ? S : never;

let folder: string;
let broker: TestBroker;
const clock = createFakeClock();
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tally-agrees-"));
  broker = await openBroker({ dataFolder: folder, clock });
  // The store goes by the files' own times, which are of now: they are to be old enough.
  clock.setWall(Date.now() + 2 * dayMs - clock.now());
});
afterAll(async () => {
  await broker.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Bytes on the disk by name. */
function onDisk(): Map<string, number> {
  const blobs = join(folder, "blobs");
  const files = existsSync(blobs) ? readdirSync(blobs, { recursive: true, encoding: "utf8" }) : [];
  return new Map(
    files
      .filter((file) => /[0-9a-f]{64}$/.test(file))
      .map((file) => [file.slice(-64), statSync(join(blobs, file)).size]),
  );
}

/** Writes a state; returns the numbers of its jobs. */
async function build({ blobs, jobs }: State): Promise<number[]> {
  await broker.broker.blobs.delete([...onDisk().keys()]);
  const there = names.filter((_, index) => blobs[index]?.kind !== "dropped");
  await broker.broker.blobs.putMany(
    there.map((text) => ({ sha256: sha256Of(text), data: Buffer.from(text) })),
  );
  const now = clock.now();
  const before = (time: number | null) => (time === null ? null : Math.round(now - time * dayMs));
  return broker.broker.writer.write((tx) => {
    for (const table of ["artifacts", "job_blobs", "blobs", "attempts", "leases", "steps", "jobs", "workers"])
      tx.run(`DELETE FROM ${table}`);
    const worker = tx.run(
      `INSERT INTO workers (name, pool, token_id, state, os_family, agent_version, amounts, attributes, blenders, registered_at)
       VALUES ('w', 'local', 1, 'idle', 'linux', '1', '{}', '{}', '[]', 1)`,
    ).id;
    const ids = blobs.map(({ used, kind }, index) => {
      const text = names[index] as string;
      if (kind === "stray") return null;
      return tx.run(
        "INSERT INTO blobs (sha256, bytes, verified, stored_at, used_at, dropped_at) VALUES (unhex(?), ?, 1, 1, ?, ?)",
        sha256Of(text),
        text.length,
        before(used),
        kind === "dropped" ? 1 : null,
      ).id;
    });
    const jobIds: number[] = [];
    for (const { ended, isCleaned, inputs, results } of jobs) {
      const job = tx.run(
        `INSERT INTO jobs (name, owner, priority, intent, state, task_count, labels, settings, parameters, template, environments,
           created_at, ended_at, inputs_cleaned_at) VALUES ('j', 'o', 50, 'run', ?, 1, '{}', '{}', '{}', '', '[]', 1, ?, ?)`,
        ended === null ? "queued" : "succeeded",
        before(ended),
        isCleaned && ended !== null ? 1 : null,
      ).id;
      const step = tx.run(
        "INSERT INTO steps (job_id, idx, name, task_count, chunking, requirements, session_key) VALUES (?, 0, 's', 1, 'none', '{}', 'k')",
        job,
      ).id;
      const lease = tx.run(
        "INSERT INTO leases (worker_id, step_id, opened_at, closed_at) VALUES (?, ?, 1, 2)",
        worker,
        step,
      ).id;
      for (const input of inputs) {
        const blob = ids[input];
        if (blob) tx.run("INSERT INTO job_blobs (job_id, blob_id) VALUES (?, ?)", job, blob);
      }
      for (const one of results) {
        const attempt = tx.run(
          `INSERT INTO attempts (lease_id, step_id, ordinal, generation, state, created_at, ended_at)
           VALUES (?, ?, ?, ?, 'succeeded', 1, 2)`,
          lease,
          step,
          one.ordinal,
          one.generation,
        ).id;
        const text = names[one.blob] as string;
        const blob = one.isCleaned ? null : (ids[one.blob] ?? null);
        const { id: file } = tx.run(
          `INSERT INTO artifacts (attempt_id, job_id, staged, blob_id, name, bytes, sha256, delivered_at, problem, cleaned_at, home)
           VALUES (?, ?, '', ?, ?, ?, ?, ?, ?, ?, 'none')`,
          attempt,
          job,
          blob,
          `/out/${text}`,
          text.length,
          sha256Of(text),
          before(one.delivered),
          one.hasProblem ? "It was in the way." : null,
          blob === null ? 1 : null,
        );
        if (one.preview === null) continue;
        const small = ids[one.preview] ?? null;
        tx.run(
          `INSERT INTO artifacts (attempt_id, job_id, staged, blob_id, name, bytes, sha256, cleaned_at, home, preview_of)
           VALUES (?, ?, '', ?, ?, 1, ?, ?, 'none', ?)`,
          attempt,
          job,
          small,
          `/out/${text}`,
          sha256Of(names[one.preview] as string),
          small === null ? 1 : null,
          file,
        );
      }
      jobIds.push(job);
    }
    return jobIds;
  });
}

/** Hashes of blobs that a job or a result needs, and their bytes are here. */
function needed(): string[] {
  return broker.broker.rows
    .all<{ sha256: string }>(
      `SELECT lower(hex(b.sha256)) AS sha256 FROM blobs b WHERE b.dropped_at IS NULL AND (
         EXISTS (SELECT 1 FROM artifacts f WHERE f.blob_id = b.id)
         OR EXISTS (SELECT 1 FROM job_blobs i JOIN jobs j ON j.id = i.job_id WHERE i.blob_id = b.id AND j.inputs_cleaned_at IS NULL))`,
    )
    .map(({ sha256 }) => sha256);
}

/** Hashes of everything that ever was this job's. */
function hashesOf(job: number): string[] {
  return broker.broker.rows
    .all<{ sha256: string }>(
      `SELECT sha256 FROM artifacts WHERE job_id = ?
       UNION SELECT lower(hex(b.sha256)) FROM job_blobs i JOIN blobs b ON b.id = i.blob_id WHERE i.job_id = ?`,
      job,
      job,
    )
    .map(({ sha256 }) => sha256);
}

const parts = ["results", "undelivered", "previews", "inputs", "orphans"] as const;
function sumOf(cleaned: Cleaned): { files: number; bytes: number } {
  return {
    files: parts.reduce((sum, part) => sum + cleaned[part].files, 0),
    bytes: parts.reduce((sum, part) => sum + cleaned[part].bytes, 0),
  };
}

test("for random states and rules, what a dry run says is what then leaves the disk", async () => {
  await fc.assert(
    fc.asyncProperty(stateArbitrary, async (state) => {
      const jobs = await build(state);
      // What a cleaning let go of is still the job's, unless somebody else needed it then.
      const owned = new Map(jobs.map((job) => [job, new Set(hashesOf(job))]));
      for (const ask of state.asks) {
        // oxlint-disable no-await-in-loop -- one cleaning after another
        const job = "job" in ask ? jobs[ask.job % jobs.length] : undefined;
        if (job !== undefined && state.jobs[jobs.indexOf(job)]?.ended === null) continue;
        const body = "job" in ask ? { job: String(job) } : ask;
        const before = onDisk();
        const mine = job === undefined ? [] : [...new Set([...hashesOf(job), ...(owned.get(job) ?? [])])];
        const dry = await broker.api.ok("clean", { body });
        expect(onDisk(), "a dry run removes nothing").toEqual(before);
        const real = await broker.api.ok("clean", { body: { ...body, dryRun: false } });
        expect(real, "both say the same").toEqual({ ...dry, dryRun: false });
        const after = onDisk();
        const gone = [...before].filter(([sha256]) => !after.has(sha256));
        expect(sumOf(real), "and that is what left the disk").toEqual({
          files: gone.length,
          bytes: gone.reduce((sum, [, bytes]) => sum + bytes, 0),
        });
        const needs = needed();
        for (const sha256 of needs) expect(after.has(sha256), "what is needed is here").toBe(true);
        expect(
          mine.filter((sha256) => after.has(sha256) && isKnown(sha256) && !needs.includes(sha256)),
          "nothing of the job is left that nobody needs",
        ).toEqual([]);
        for (const set of owned.values()) for (const sha256 of needs) set.delete(sha256);
        const again = await broker.api.ok("clean", { body });
        expect(sumOf(again), "there is no more to do").toEqual({ files: 0, bytes: 0 });
        // oxlint-enable no-await-in-loop
      }
      clock.advance(2 * dayMs);
      const last = await broker.api.ok("clean", { body: {} });
      expect(last.later.files, "nothing was used since").toBe(0);
      await broker.api.ok("clean", { body: { dryRun: false } });
      expect([...onDisk().keys()].toSorted(), "a day later only what is needed is here").toEqual(
        needed().toSorted(),
      );
    }),
    { numRuns: 250 },
  );
});

/** Whether the database knows it: what it does not is no job's. */
function isKnown(sha256: string): boolean {
  return broker.broker.rows.get("SELECT 1 FROM blobs WHERE sha256 = unhex(?)", sha256) !== undefined;
}
