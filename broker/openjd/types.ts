// The shapes of Open Job Description documents after checking: plain objects that survive JSON, numbers kept as text.

/** The extensions of `2023-09` that Tally understands. */
export type Extension = "TASK_CHUNKING" | "REDACTED_ENV_VARS";

export type ParameterType = "STRING" | "INT" | "FLOAT" | "PATH";

export type TaskParameterType = ParameterType | "CHUNK[INT]";

/** A job parameter's value. `value` is the text that a format string inserts, unmapped when it is a path. */
export interface ParameterValue {
  type: ParameterType;
  value: string;
}

/** A task parameter's value; of `CHUNK[INT]` one integer before chunking, a range such as `1-4` after. */
export interface TaskParameterValue {
  type: TaskParameterType;
  value: string;
}

interface ParameterDefinitionBase {
  name: string;
  description?: string;
  default?: string;
  allowedValues?: string[];
}

export interface StringParameterDefinition extends ParameterDefinitionBase {
  type: "STRING";
  minLength?: number;
  maxLength?: number;
  userInterface?: {
    control?: "LINE_EDIT" | "MULTILINE_EDIT" | "DROPDOWN_LIST" | "CHECK_BOX" | "HIDDEN";
    label?: string;
    groupLabel?: string;
  };
}

export interface FileFilter {
  label: string;
  patterns: string[];
}

export interface PathParameterDefinition extends ParameterDefinitionBase {
  type: "PATH";
  minLength?: number;
  maxLength?: number;
  objectType?: "FILE" | "DIRECTORY";
  dataFlow?: "NONE" | "IN" | "OUT" | "INOUT";
  userInterface?: {
    control?: "CHOOSE_INPUT_FILE" | "CHOOSE_OUTPUT_FILE" | "CHOOSE_DIRECTORY" | "DROPDOWN_LIST" | "HIDDEN";
    label?: string;
    groupLabel?: string;
    fileFilters?: FileFilter[];
    fileFilterDefault?: FileFilter;
  };
}

/** INT and FLOAT: bounds and steps are number text, so that 64-bit integers and `1.50` survive. */
export interface NumberParameterDefinition extends ParameterDefinitionBase {
  type: "INT" | "FLOAT";
  minValue?: string;
  maxValue?: string;
  userInterface?: {
    control?: "SPIN_BOX" | "DROPDOWN_LIST" | "HIDDEN";
    label?: string;
    groupLabel?: string;
    decimals?: number;
    singleStepDelta?: string;
  };
}

export type ParameterDefinition =
  | StringParameterDefinition
  | PathParameterDefinition
  | NumberParameterDefinition;

/** How an action is stopped; the period is in seconds. */
export type Cancelation =
  | { mode: "TERMINATE" }
  | { mode: "NOTIFY_THEN_TERMINATE"; notifyPeriodInSeconds?: number };

/** One command. `command` and `args` are unresolved format strings; `timeout` is in seconds. */
export interface Action {
  command: string;
  args?: string[];
  timeout?: number;
  cancelation?: Cancelation;
}

/** A file that is written before each action; `data` is an unresolved format string. */
export interface EmbeddedFile {
  name: string;
  type: "TEXT";
  filename?: string;
  runnable?: boolean;
  data: string;
}

export interface EnvironmentScript {
  actions: { onEnter?: Action; onExit?: Action };
  embeddedFiles?: EmbeddedFile[];
}

export interface StepScript {
  actions: { onRun: Action };
  embeddedFiles?: EmbeddedFile[];
}

/** `variables` values are unresolved format strings. */
export interface Environment {
  name: string;
  description?: string;
  script?: EnvironmentScript;
  variables?: Record<string, string>;
}

export interface AmountRequirement {
  name: string;
  min?: string;
  max?: string;
}

export interface AttributeRequirement {
  name: string;
  anyOf?: string[];
  allOf?: string[];
}

export interface HostRequirements {
  amounts?: AmountRequirement[];
  attributes?: AttributeRequirement[];
}

export type RangeConstraint = "CONTIGUOUS" | "NONCONTIGUOUS";

/** `range` is a list of items or one range expression, both unresolved format strings. Chunk numbers may be format strings. */
export interface TaskParameterDefinition {
  name: string;
  type: TaskParameterType;
  range: string[] | string;
  chunks?: { defaultTaskCount: string; targetRuntimeSeconds?: string; rangeConstraint: RangeConstraint };
}

export interface ParameterSpaceDefinition {
  taskParameterDefinitions: TaskParameterDefinition[];
  combination?: string;
}

export interface StepTemplate {
  name: string;
  description?: string;
  dependencies?: { dependsOn: string }[];
  stepEnvironments?: Environment[];
  hostRequirements?: HostRequirements;
  parameterSpace?: ParameterSpaceDefinition;
  script: StepScript;
}

export interface JobTemplate {
  specificationVersion: "jobtemplate-2023-09";
  extensions?: Extension[];
  name: string;
  description?: string;
  parameterDefinitions?: ParameterDefinition[];
  jobEnvironments?: Environment[];
  steps: StepTemplate[];
}

export interface EnvironmentTemplate {
  specificationVersion: "environment-2023-09";
  extensions?: Extension[];
  parameterDefinitions?: ParameterDefinition[];
  environment: Environment;
}
