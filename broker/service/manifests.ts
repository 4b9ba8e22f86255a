// The list of a job's input files: read from its blob and checked at submit, so that no job waits for what never comes.
import { createHash } from "node:crypto";
import type { BlobRef } from "../contract/blob.ts";
import {
  manifestProblems,
  manifestSchema,
  maxManifestBytes,
  pathNames,
  type Manifest,
} from "../contract/manifest.ts";
import { Problem, type FieldError } from "../contract/problem.ts";
import { findBlob, missingPlaces } from "../store/blobs.ts";
import { readWhole, useBlobs } from "./blobs.ts";
import type { Broker } from "./broker.ts";
import { sliceRows } from "./settle.ts";

/** One question about missing blobs, hashes. */
const asked = 10_000;

/**
 * The hashes of all blobs that a job with this manifest reads, the manifest's own first; each once. Throws
 * `missing-blobs` when one is not here, `invalid` and `too-large` for a manifest that is none.
 */
export async function readInputs(broker: Broker, ref: BlobRef): Promise<string[]> {
  const manifest = await readManifest(broker, ref);
  await refuseBadPaths(manifest);
  const sizes = new Map([[ref.sha256, ref.bytes]]);
  for (const { path, sha256, bytes } of manifest.files) {
    const known = sizes.get(sha256);
    if (known !== undefined && known !== bytes)
      throw notValid([`${path} has another size than its hash says.`]);
    sizes.set(sha256, bytes);
  }
  const sha256s = [...sizes.keys()];
  let missing = 0;
  for (let at = 0; at < sha256s.length; at += asked) {
    missing += missingPlaces(broker.rows, sha256s.slice(at, at + asked)).length;
    // oxlint-disable-next-line no-await-in-loop -- others have their turn in between
    await turn();
  }
  if (missing > 0) throw missingInputs(missing);
  for (let at = 0; at < sha256s.length; at += asked) {
    // oxlint-disable-next-line no-await-in-loop -- slices must follow one another
    await useBlobs(broker, sha256s.slice(at, at + asked));
  }
  return sha256s;
}

/** The refusal of a job whose files are not all here. */
export function missingInputs(count: number): Problem {
  return new Problem(
    "missing-blobs",
    `${count.toLocaleString("en")} of the job's input files ${count === 1 ? "is" : "are"} not here yet. Upload them and submit again.`,
  );
}

/** The manifest of this name. Throws `missing-blobs`, `too-large`, `invalid`. */
export async function readManifest(broker: Broker, { sha256, bytes }: BlobRef): Promise<Manifest> {
  if (bytes > maxManifestBytes)
    throw new Problem("too-large", `A manifest may have at most ${maxManifestBytes / 1_048_576} MiB.`);
  const row = findBlob(broker.rows, sha256);
  if (row && row.bytes !== bytes) throw notValid(["Its size is another than its hash says."]);
  const data = row && (await readWhole(broker, sha256, bytes));
  if (!data || createHash("sha256").update(data).digest("hex") !== sha256)
    throw new Problem(
      "missing-blobs",
      "The list of the job's input files is not here yet. Upload it and submit again.",
    );
  let value: unknown;
  try {
    value = JSON.parse(data.toString("utf8"));
  } catch (error) {
    throw notValid([error instanceof Error ? error.message : String(error)]);
  }
  return check(value);
}

/** Checks a manifest's shape in slices: a hundred thousand files at once would hold everybody up. */
async function check(value: unknown): Promise<Manifest> {
  const lists = ["files", "folders", "shared"] as const;
  const rest = { ...(value as Manifest) };
  const head = manifestSchema.safeParse({ ...rest, files: [], folders: [], shared: [] });
  if (!head.success)
    throw notValid(head.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`));
  const manifest = head.data;
  for (const name of lists) {
    const list: unknown = rest[name] ?? (name === "files" ? undefined : []);
    if (!Array.isArray(list)) throw notValid([`${name}: must be a list`]);
    const whole: unknown[] = [];
    for (let at = 0; at < list.length; at += sliceRows) {
      const slice = manifestSchema.safeParse({ ...head.data, [name]: list.slice(at, at + sliceRows) });
      if (!slice.success)
        throw notValid(
          slice.error.issues.map(({ path: [, index, ...field], message }) =>
            [`${name}.${at + Number(index)}`, ...field].join(".").concat(`: ${message}`),
          ),
        );
      whole.push(...slice.data[name]);
      // oxlint-disable-next-line no-await-in-loop -- others have their turn in between
      await turn();
    }
    manifest[name] = whole as never;
  }
  return manifest;
}

async function refuseBadPaths(manifest: Manifest): Promise<void> {
  const head = { ...manifest, files: [], folders: [], shared: [] };
  const problems = manifestProblems(head);
  const seen = new Set<string>();
  for (const name of ["files", "shared", "folders"] as const) {
    for (let at = 0; at < manifest[name].length && problems.length < 20; at += sliceRows) {
      const slice = manifest[name].slice(at, at + sliceRows);
      problems.push(...manifestProblems({ ...head, roots: [], [name]: slice }));
      if (name !== "folders") problems.push(...twice(slice, manifest.format, seen));
      // oxlint-disable-next-line no-await-in-loop -- others have their turn in between
      await turn();
    }
  }
  if (problems.length > 0) throw notValid([...new Set(problems)]);
}

function twice(slice: readonly { path: string }[], format: Manifest["format"], seen: Set<string>): string[] {
  const problems: string[] = [];
  for (const { path } of slice) {
    const key = pathNames(path, format)?.join("/");
    if (key === undefined) continue;
    if (seen.has(key)) problems.push(`"${path.slice(0, 200)}" is there twice.`);
    seen.add(key);
  }
  return problems;
}

function notValid(problems: readonly string[]): Problem {
  const [first = ""] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : "";
  const errors: FieldError[] = problems.slice(0, 20).map((detail) => ({ pointer: "manifest", detail }));
  return new Problem("invalid", `The list of the job's input files is not valid: ${first}${more}`, {
    errors,
  });
}

/** Lets others have their turn of the loop. */
function turn(): Promise<void> {
  return new Promise((done) => setImmediate(done));
}
