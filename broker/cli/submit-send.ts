// Sends a job: decides whether its files travel, sends those that the broker lacks, and submits it, once.
import { setTimeout as pause } from "node:timers/promises";
import { ProblemError, UnreachableError, type Answer, type Client } from "../contract/client.ts";
import type { Job, SubmitInput } from "../contract/job.ts";
import type { System } from "../contract/system.ts";
import { createAsking } from "./asking.ts";
import { isOwnBroker } from "./connect.ts";
import { exitCodes, Failure } from "./failure.ts";
import { onInterrupt } from "./interrupt.ts";
import type { Prepared } from "./prepared.ts";
import { plainLines } from "./style.ts";
import { newIdempotencyKey, type SubmitValues } from "./submit-flags.ts";
import { collectInputs, sendInputs, withoutOthers, type CollectedInputs } from "./submit-files.ts";
import { createTransferProgress, type TransferProgress } from "./transfer-progress.ts";
import { write } from "./write.ts";

/** What is known of the broker before a job is sent; undefined where none runs yet: a new one renders here alone. */
interface Surroundings {
  system: Pick<System, "pools" | "sharedRoots">;
  isOwn: boolean;
}

const newBroker: Surroundings = {
  system: { pools: [{ name: "local", kind: "local", slots: 1, workers: 0 }], sharedRoots: [] },
  isOwn: true,
};

/**
 * Whether the job's files are read where they lie. Throws a Failure where --in-place is asked for and no worker could
 * read them.
 */
export function staysInPlace(
  prepared: Pick<Prepared, "staysByItself">,
  values: Pick<SubmitValues, "upload" | "in-place" | "pool">,
  { system, isOwn }: Surroundings,
): boolean {
  const pools = system.pools.filter(({ name }) => values.pool === undefined || name === values.pool);
  const local = pools.filter(({ kind }) => kind === "local");
  if (values["in-place"]) {
    if (!isOwn)
      throw new Failure(
        "--in-place needs the broker of this machine: the workers of another one cannot read your files. Leave it out.",
        exitCodes.usage,
      );
    if (local.length === 0)
      throw new Failure(
        "--in-place needs workers on this machine, and the broker has no local pool for this job. Leave it out.",
        exitCodes.usage,
      );
    return true;
  }
  if (values.upload || !prepared.staysByItself || !isOwn) return false;
  return pools.length > 0 && local.length === pools.length;
}

/** Sends files and job. Resolves to undefined when Ctrl-C stopped it before there was a job. */
export async function sendJob(
  client: Client,
  prepared: Prepared,
  values: SubmitValues,
): Promise<Job | undefined> {
  const stopped = onInterrupt();
  let isSent = false;
  const progress = createTransferProgress({ silent: values.json === true });
  try {
    const surroundings = await look(createAsking(() => client, stopped.signal).client, values);
    const inPlace = staysInPlace(prepared, values, surroundings);
    const collected = await collect(prepared, values, surroundings, inPlace, stopped.signal, progress);
    const key = newIdempotencyKey();
    for (let again = false; ; again = true) {
      // oxlint-disable no-await-in-loop -- files first, then the job that names them
      const manifest =
        collected && (await sendInputs(client, collected, { signal: stopped.signal, progress }));
      progress.close();
      if (!values.json && !again)
        for (const note of collected?.notes ?? []) await write(`${plainLines(note)}\n`);
      const body: SubmitInput = {
        ...prepared.body,
        ...(manifest && { manifest }),
        settings: {
          ...prepared.body.settings,
          home: surroundings.isOwn ? "broker" : "pull",
          ...(inPlace && { filesInPlace: true }),
          ...(inPlace && values["allow-missing"] && { allowMissing: true }),
        },
      };
      stopped.signal.throwIfAborted();
      isSent = true;
      try {
        return await post(client, body, key);
      } catch (error) {
        // Cleaned away between the question and the job, which can happen once.
        if (again || !(error instanceof ProblemError) || error.code !== "missing-blobs") throw error;
        isSent = false;
      }
      // oxlint-enable no-await-in-loop
    }
  } catch (error) {
    progress.close();
    // Without an answer nobody knows whether there is a job now.
    if (!stopped.signal.aborted || (isSent && !(error instanceof ProblemError))) throw error;
    console.error(
      "Stopped; nothing was submitted. Type the same command again: what was sent already is not sent again.",
    );
    return undefined;
  } finally {
    stopped.close();
  }
}

/** How much a job reads, and how much of it is still to be sent. Sends nothing. */
export async function measureInputs(
  client: Client | undefined,
  prepared: Prepared,
  values: SubmitValues,
): Promise<{ files: number; bytes: number; bytesToSend: number; inPlace: boolean; notes: string[] }> {
  const surroundings = client === undefined ? newBroker : await look(client, values);
  const inPlace = staysInPlace(prepared, values, surroundings);
  const progress = createTransferProgress({ silent: values.json === true });
  const { signal } = new AbortController();
  const collected = await collect(prepared, values, surroundings, inPlace, signal, progress).finally(() =>
    progress.close(),
  );
  if (collected === undefined) return { files: 0, bytes: 0, bytesToSend: 0, inPlace, notes: [] };
  const { uploads, files, bytes, notes } = collected;
  const { missingOf } = await import("../../container/agent/files/upload.ts");
  const missing = client === undefined ? uploads : await missingOf(client, uploads);
  return { files, bytes, bytesToSend: missing.reduce((sum, one) => sum + one.bytes, 0), inPlace, notes };
}

async function look(client: Client, values: SubmitValues): Promise<Surroundings> {
  const system = await client.call<Answer<"getSystem">>("get", "/v1/system");
  return { system, isOwn: isOwnBroker(values, client) };
}

async function collect(
  prepared: Prepared,
  values: SubmitValues,
  { system }: Surroundings,
  inPlace: boolean,
  signal: AbortSignal,
  progress: TransferProgress,
): Promise<CollectedInputs | undefined> {
  const inputs = inPlace ? withoutOthers(prepared.inputs) : prepared.inputs;
  if (inputs.scene === undefined && inputs.parts.length === 0) return undefined;
  return collectInputs(inputs, {
    sharedRoots: system.sharedRoots,
    allowMissing: values["allow-missing"] === true,
    signal,
    progress,
  });
}

/** Submits; an answer that was lost on the way is asked for again with the same key, which cannot make a second job. */
async function post(client: Client, body: SubmitInput, key: string): Promise<Job> {
  const headers = { "idempotency-key": key };
  for (let left = 3; ; left -= 1) {
    try {
      // oxlint-disable-next-line no-await-in-loop -- one try after another
      return await client.call<Answer<"submitJob">>("post", "/v1/jobs", { body, headers });
    } catch (error) {
      if (!(error instanceof UnreachableError) || left === 0) throw error;
      // oxlint-disable-next-line no-await-in-loop -- a broker that restarts needs a moment
      await pause(1000);
    }
  }
}
