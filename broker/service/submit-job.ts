// Takes a job: plans it, stores it in slices, and answers only when its last slice is durable. Until then it is
// `loading`: nobody sees it, nothing runs, and a broker that dies on the way removes it at start.
import { createHash } from "node:crypto";
import { Problem } from "../contract/problem.ts";
import type { Plan, Submit } from "../contract/job.ts";
import { ranks } from "../domain/frame-order.ts";
import type { Requirements } from "../domain/requirements.ts";
import { chunksOf } from "../openjd/chunks.ts";
import type { StepPlan } from "../openjd/job.ts";
import { addEvent } from "../store/events.ts";
import { insertJobBlobs } from "../store/blobs.ts";
import { refreshJob } from "../store/counts.ts";
import { insertJob, insertStep, insertTask, insertTasksInOrder } from "../store/jobs.ts";
import type { Tx } from "../store/tx.ts";
import type { Broker } from "./broker.ts";
import { offerJob } from "./offer.ts";
import { missingInputs, readInputs } from "./manifests.ts";
import { refuseSharedOutput } from "./shared-output.ts";
import { planSubmission, type PlannedSubmission } from "./plan-submission.ts";
import { sliceRows } from "./settle.ts";

export interface Submitter {
  tokenId: number;
  name: string;
}

/** What a submit would create. Throws the same problems; changes nothing. */
export async function planOnly(broker: Broker, body: Submit): Promise<Plan> {
  const { plan, parameters } = await planSubmission(broker, body);
  return {
    name: body.settings.name ?? plan.name,
    taskCount: plan.steps.reduce((sum, step) => sum + step.taskCount, 0),
    steps: plan.steps.map(({ name, taskCount, dependsOn }) => ({ name, taskCount, dependsOn })),
    parameters,
  };
}

/** Stores a job; returns its number. A replayed key answers the same job; the same key for another request is refused. */
export async function submitJob(broker: Broker, who: Submitter, key: string, body: Submit): Promise<number> {
  for (const left of broker.halfLoaded) {
    // oxlint-disable-next-line no-await-in-loop -- one after the other; there is hardly ever one
    await removeJob(broker, left);
  }
  const bodyHash = createHash("sha256").update(JSON.stringify(body)).digest();
  const replayed = replayOf(broker, who.tokenId, key, bodyHash);
  if (replayed !== undefined) return replayed;
  const what = await planSubmission(broker, body);
  const inputs = body.manifest ? await readInputs(broker, body.manifest) : [];
  const { jobId, stepIds } = await broker.writer.write((tx) => {
    refuseSharedOutput(broker, tx, body.settings, what.plan);
    return insertSkeleton(tx, who, key, bodyHash, body, what);
  });
  try {
    await insertInputs(broker, jobId, inputs);
    for (const [index, step] of what.plan.steps.entries()) {
      // oxlint-disable-next-line no-await-in-loop -- slices must follow one another
      await insertTasks(broker, stepIds[index] as number, step, body.settings.order);
    }
    await broker.writer.write((tx) => {
      tx.run("UPDATE jobs SET state = 'queued' WHERE id = ?", jobId);
      addEvent(tx, {
        kind: "job.created",
        jobId,
        state: "queued",
        data: { name: body.settings.name ?? what.plan.name, owner: who.name },
      });
      refreshJob(tx, jobId);
      offerJob(broker, tx, jobId);
    });
  } catch (error) {
    broker.halfLoaded.add(jobId);
    // On a full disk removing may fail too; it is then done before the next submit, or at the next start.
    await removeJob(broker, jobId).catch(() => undefined);
    throw error;
  }
  return jobId;
}

/** Writes down the input files of a job. Throws `missing-blobs` when one was removed in this very moment. */
async function insertInputs(broker: Broker, jobId: number, inputs: readonly string[]): Promise<void> {
  for (let at = 0; at < inputs.length; at += sliceRows) {
    const slice = inputs.slice(at, at + sliceRows);
    // oxlint-disable-next-line no-await-in-loop -- slices must follow one another
    const here = await broker.writer.write((tx) => insertJobBlobs(tx, jobId, slice));
    if (here < slice.length) throw missingInputs(slice.length - here);
  }
}

/** Removes a job that nobody ever saw, its frames and input files in slices. */
async function removeJob(broker: Broker, jobId: number): Promise<void> {
  const tasks = `DELETE FROM tasks WHERE (step_id, ordinal) IN
    (SELECT t.step_id, t.ordinal FROM steps s JOIN tasks t ON t.step_id = s.id WHERE s.job_id = ? LIMIT ${sliceRows})`;
  const inputs = `DELETE FROM job_blobs WHERE (job_id, blob_id) IN
    (SELECT job_id, blob_id FROM job_blobs WHERE job_id = ? LIMIT ${sliceRows})`;
  for (const sql of [tasks, inputs]) {
    // oxlint-disable-next-line no-await-in-loop -- slices must follow one another
    while ((await broker.writer.write((tx) => tx.run(sql, jobId).changes)) === sliceRows);
  }
  await broker.writer.write((tx) => {
    tx.run("DELETE FROM jobs WHERE id = ? AND state = 'loading'", jobId);
    tx.after(() => broker.halfLoaded.delete(jobId));
  });
}

/** Removes what a broker that died left half loaded; for start only. Returns how many jobs. */
export function removeHalfLoaded(broker: Broker): Promise<number> {
  return broker.writer.write((tx) => tx.run("DELETE FROM jobs WHERE state = 'loading'").changes);
}

function replayOf(broker: Broker, tokenId: number, key: string, bodyHash: Buffer): number | undefined {
  const row = broker.reader
    .prepare(
      "SELECT i.body_hash AS hash, i.job_id AS jobId, j.state FROM idempotency i JOIN jobs j ON j.id = i.job_id WHERE i.token_id = ? AND i.key = ?",
    )
    .get(tokenId, key) as { hash: Buffer; jobId: number; state: string } | undefined;
  if (!row) return undefined;
  if (!row.hash.equals(bodyHash)) {
    throw new Problem(
      "idempotency-mismatch",
      "This Idempotency-Key was used for another submission. Make a new key for a new job.",
    );
  }
  if (row.state === "loading")
    throw new Problem("busy", "This very submission is still being stored. Ask again in a moment.");
  return row.jobId;
}

function insertSkeleton(
  tx: Tx,
  who: Submitter,
  key: string,
  bodyHash: Buffer,
  body: Submit,
  what: PlannedSubmission,
): { jobId: number; stepIds: number[] } {
  const { plan } = what;
  const jobId = insertJob(tx, {
    name: body.settings.name ?? plan.name,
    owner: who.name,
    settings: body.settings,
    parameters: what.parameters,
    template: what.text,
    templateName: body.templateName ?? null,
    environments: body.environments,
    taskCount: plan.steps.reduce((sum, step) => sum + step.taskCount, 0),
    manifest: body.manifest ?? null,
  });
  const raced = tx.run(
    "INSERT OR IGNORE INTO idempotency (token_id, key, body_hash, job_id, created_at) VALUES (?, ?, ?, ?, ?)",
    who.tokenId,
    key,
    bodyHash,
    jobId,
    tx.now,
  );
  if (raced.changes === 0)
    throw new Problem("busy", "This very submission is being stored at this moment. Ask again.");
  const stepIds = plan.steps.map((step, index) =>
    insertStep(tx, {
      jobId,
      index,
      name: step.name,
      taskCount: step.taskCount,
      chunking: chunkingOf(step),
      requirements: JSON.stringify(requirementsOf(step, body)),
      sessionKey: hasOwnSession(step) ? `${jobId}/${index}` : `${jobId}`,
      state: step.dependsOn.length === 0 ? "ready" : "blocked",
    }),
  );
  for (const [index, step] of plan.steps.entries()) {
    for (const name of new Set(step.dependsOn)) {
      const upstream = plan.steps.findIndex((other) => other.name === name);
      tx.run(
        "INSERT INTO step_dependencies (step_id, depends_on) VALUES (?, ?)",
        stepIds[index] as number,
        stepIds[upstream] as number,
      );
    }
  }
  return { jobId, stepIds };
}

/** An environment of its own, or files that the steps before it made. */
function hasOwnSession(step: StepPlan): boolean {
  return step.step.stepEnvironments !== undefined || step.dependsOn.length > 0;
}

function chunkingOf(step: StepPlan): "none" | "fixed" | "adaptive" {
  const { chunk } = step.space;
  if (!chunk) return "none";
  return chunk.targetRuntimeSeconds > 0 ? "adaptive" : "fixed";
}

function requirementsOf(step: StepPlan, body: Submit): Requirements {
  const number = (text: string | undefined) => (text === undefined ? undefined : Number(text));
  return {
    pool: body.settings.pool ?? null,
    blenderSeries: body.settings.blenderSeries ?? null,
    ownMachine: body.settings.filesInPlace,
    amounts: (step.hostRequirements?.amounts ?? []).map(({ name, min, max }) => {
      const [low, high] = [number(min), number(max)];
      return { name, ...(low !== undefined && { min: low }), ...(high !== undefined && { max: high }) };
    }),
    attributes: step.hostRequirements?.attributes ?? [],
  };
}

async function insertTasks(
  broker: Broker,
  stepId: number,
  step: StepPlan,
  order: Submit["settings"]["order"],
): Promise<void> {
  const state = step.dependsOn.length === 0 ? "ready" : "blocked";
  const chunks = chunkingOf(step) === "fixed" ? chunkIndexes(step) : null;
  const rank = ranks(order, step.taskCount);
  for (let first = 0; first < step.taskCount; first += sliceRows) {
    const last = Math.min(first + sliceRows, step.taskCount) - 1;
    // oxlint-disable-next-line no-await-in-loop -- slices must follow one another
    await broker.writer.write((tx) => {
      if (order === "in-order" && !chunks) return insertTasksInOrder(tx, stepId, state, first, last);
      for (let ordinal = first; ordinal <= last; ordinal++) {
        insertTask(tx, stepId, state, ordinal, rank(ordinal), chunks?.[ordinal] ?? null);
      }
    });
  }
}

function chunkIndexes(step: StepPlan): number[] {
  const indexes: number[] = [];
  let index = 0;
  for (const ordinals of chunksOf(step.space)) {
    for (const ordinal of ordinals) indexes[ordinal] = index;
    index++;
  }
  return indexes;
}
