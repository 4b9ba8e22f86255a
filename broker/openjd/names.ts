// The rules for names: what parameters, files, steps, environments and variables may be called.
import type { TextRule } from "./spot.ts";

/** Parameters, task parameters and embedded files. */
export const IDENTIFIER: TextRule = {
  min: 1,
  max: 64,
  pattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
  shape: "letters, digits and underscores, not beginning with a digit",
};

/** Steps and environments. */
export const TITLE: TextRule = { min: 1, max: 64 };

/** The longest resolved job name, in characters. */
export const MAX_JOB_NAME = 128;

export const DESCRIPTION: TextRule = { max: 2048, control: "lines-tabs" };

/** Labels of the submission form. */
export const LABEL: TextRule = { min: 1, max: 64 };

/** A bare file name, for embedded files. */
export const FILE_NAME: TextRule = {
  min: 1,
  max: 64,
  control: "all",
  pattern: /^(?!\.{1,2}$)[^/\\\0]*$/,
  shape: "a bare file name without folders",
};

/** Environment variables. */
export const VARIABLE: TextRule = {
  min: 1,
  max: 256,
  pattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
  shape: "letters, digits and underscores, not beginning with a digit",
};

/** The longest value of a STRING or PATH parameter, in characters. */
export const MAX_VALUE = 1024;
