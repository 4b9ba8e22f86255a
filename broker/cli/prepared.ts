// A job that is ready to be sent, whatever it was made from: a scene, a template, a bundle.
import type { SubmitInput } from "../contract/job.ts";
import type { JobInputs } from "./submit-files.ts";

export interface Prepared {
  body: SubmitInput;
  inputs: JobInputs;
  /** Scenes stay where they are on a machine that renders alone; templates are sent unless told otherwise. */
  staysByItself: boolean;
  /** What was understood, a line each. */
  notes: string[];
  /** First and last full file name, where they are known. */
  files: { first: string; last: string } | null;
  /** The film's full name, where one is made. */
  film: string | null;
  blender: string | null;
  taskCount: number | null;
  /** Removes what was made on the way. */
  dispose: () => Promise<void>;
}
