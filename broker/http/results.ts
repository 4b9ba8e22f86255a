// Handlers of the operations on result files, and on the list of a job's input files.
import { Readable } from "node:stream";
import { Problem } from "../contract/problem.ts";
import { nameFilter } from "../home/name-filter.ts";
import { addPreview } from "../service/add-preview.ts";
import { planArchive, writeArchive } from "../service/archive.ts";
import { idOf } from "../service/ids.ts";
import { readManifest } from "../service/manifests.ts";
import { sayDelivered } from "../service/said-delivered.ts";
import { cursorNumber } from "../service/paging.ts";
import { listArtifactRows } from "../store/artifacts.ts";
import { bodyOf } from "./blobs.ts";
import { framesOf, jobNumber, type HttpContext } from "./context.ts";
import type { Handlers } from "./mount.ts";

type ResultHandlers = Pick<
  Handlers,
  "listArtifacts" | "putPreview" | "getManifest" | "getArchive" | "markDelivered"
>;

/** The handlers over one context. */
export function resultHandlers(context: HttpContext): ResultHandlers {
  const { broker } = context;
  return {
    listArtifacts({ params, query: { after, limit, kind, state, step, ordinal, troubled } }) {
      const number = jobNumber(context, params.job);
      const which = { kind, state: state ?? null, step, ordinal, troubled };
      const filter = { after: cursorNumber(after) ?? 0, limit, ...which };
      const rows = listArtifactRows(broker.rows, number, filter);
      const frames = framesOf(context, number);
      const items = rows.map(({ stepIndex, previewOf, ...row }) => ({
        ...row,
        id: idOf("artifact", row.id),
        kind: previewOf === null ? ("file" as const) : ("preview" as const),
        of: previewOf === null ? null : idOf("artifact", previewOf),
        attemptId: idOf("attempt", row.attemptId),
        frame: frames(stepIndex, row.ordinal).frame,
        outside: row.outside === 1,
        executable: row.executable === 1,
        kept: row.kept === 1,
        deliveredAt: row.deliveredAt === null ? null : new Date(row.deliveredAt).toISOString(),
      }));
      return { items, next: rows.length === limit ? String(rows.at(-1)?.id) : null };
    },
    putPreview: ({ who, headers, params: { attempt, sha256 }, request }) =>
      addPreview(broker, who, headers, attempt, sha256, bodyOf(request)),
    async getManifest({ params }) {
      const number = jobNumber(context, params.job);
      const { manifest } = broker.plans.of(number);
      if (!manifest)
        throw new Problem("not-found", `Job ${number} has no list of input files: none were sent with it.`);
      const cleaned = broker.rows.get<{ at: number | null }>(
        "SELECT inputs_cleaned_at AS at FROM jobs WHERE id = ?",
        number,
      );
      if (cleaned !== undefined && cleaned.at !== null)
        throw new Problem("cleaned", `The input files of job ${number} were cleaned up. Submit it again.`);
      return readManifest(broker, manifest);
    },
    async getArchive({ params, query, signal }) {
      const number = jobNumber(context, params.job);
      const plan = await planArchive(broker, number, {
        ...(query.step !== undefined && { step: query.step }),
        ...(query.filter !== undefined && { matches: nameFilter(query.filter) }),
      });
      const stream = Readable.toWeb(writeArchive(broker, plan, signal)) as ReadableStream<Uint8Array>;
      return new Response(stream, {
        headers: {
          "content-type": "application/octet-stream",
          "content-disposition": `attachment; filename="job-${number}.zip"`,
        },
      });
    },
    markDelivered: ({ params, body }) => sayDelivered(broker, jobNumber(context, params.job), body),
  };
}
