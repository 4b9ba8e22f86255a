// The worker that a broker starts on this machine, as everything that tells of it calls it.
import { hostname } from "node:os";
import { workerName } from "../../container/agent/capabilities.ts";

/** Its name. */
export const thisWorker = workerName(hostname());

const escaped = thisWorker.replace(/[^\w ]/g, "\\$&");

/** A pattern in which `NAME` stands for it. */
export const ofThisWorker = (pattern: RegExp): RegExp =>
  new RegExp(
    pattern.source.replaceAll("NAME", () => escaped),
    pattern.flags,
  );
