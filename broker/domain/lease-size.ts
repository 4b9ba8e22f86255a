// How many tasks one lease of an adaptive chunk takes (design §5): by count until three are measured, then by time.

export interface LeaseSizeInput {
  defaultTaskCount: number;
  targetRuntimeSeconds: number;
  measuredCount: number;
  measuredSeconds: number;
  /** Tasks of the step that are ready now, and workers that could share them. */
  readyCount: number;
  workerCount: number;
}

const measuredEnough = 3;
const largestLease = 1000;

/** Tasks for the next lease, at least 1. Near the end it shares what is left among the workers. */
export function leaseSize(input: LeaseSizeInput): number {
  const fairPart = Math.max(1, Math.ceil(input.readyCount / Math.max(1, input.workerCount)));
  if (input.measuredCount < measuredEnough) return Math.min(Math.max(1, input.defaultTaskCount), fairPart);
  const mean = Math.max(input.measuredSeconds / input.measuredCount, 0.001);
  const byTime = Math.floor(input.targetRuntimeSeconds / mean);
  return Math.max(1, Math.min(byTime, fairPart, largestLease));
}
