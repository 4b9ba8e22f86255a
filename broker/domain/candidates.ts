// Steps with ready tasks, held in memory per requirement class and in the order of work (design §5). Rebuilt from
// the database at start; a look-up costs the number of classes and owners, never the number of jobs or tasks.

export interface Candidate {
  stepId: number;
  jobId: number;
  owner: string;
  priority: number;
  requirementClass: string;
  sessionKey: string;
}

interface Line {
  priority: number;
  /** owner → candidates in submission order (job id, then step id). */
  owners: Map<string, Candidate[]>;
}

export interface Warm {
  sessionKey: string;
  since: number;
}

export interface Candidates {
  /** Adds or replaces a step. */
  put(candidate: Candidate): void;
  remove(stepId: number): void;
  get(stepId: number): Candidate | undefined;
  readonly size: number;
  steps(): Iterable<number>;
  /**
   * The step a worker should work on: highest priority, then its warm session while its owner is at or below share
   * or for five minutes, then the owner with the least share, then submission order.
   */
  choose(input: ChooseInput): Candidate | undefined;
  clear(): void;
}

export interface ChooseInput {
  matches(requirementClass: string): boolean;
  shareOf(owner: string): number;
  warm: Warm | null;
  monotonicMs: number;
  /** Steps already found to be empty in this look-up. */
  except: ReadonlySet<number>;
}

const warmMs = 5 * 60_000;

/** An empty set of candidates. */
export function createCandidates(): Candidates {
  const byStep = new Map<number, Candidate>();
  const byClass = new Map<string, Line[]>();
  const bySession = new Map<string, Set<number>>();

  function lineOf(candidate: Candidate): Line {
    let lines = byClass.get(candidate.requirementClass);
    if (!lines) byClass.set(candidate.requirementClass, (lines = []));
    let index = lines.findIndex((line) => line.priority <= candidate.priority);
    if (index < 0) index = lines.length;
    const found = lines[index];
    if (found?.priority === candidate.priority) return found;
    const line: Line = { priority: candidate.priority, owners: new Map() };
    lines.splice(index, 0, line);
    return line;
  }

  function remove(stepId: number): void {
    const candidate = byStep.get(stepId);
    if (!candidate) return;
    byStep.delete(stepId);
    const session = bySession.get(candidate.sessionKey);
    session?.delete(stepId);
    if (session?.size === 0) bySession.delete(candidate.sessionKey);
    const lines = byClass.get(candidate.requirementClass) ?? [];
    const line = lines.find((one) => one.priority === candidate.priority);
    const list = line?.owners.get(candidate.owner);
    if (!line || !list) return;
    list.splice(list.indexOf(candidate), 1);
    if (list.length === 0) line.owners.delete(candidate.owner);
    if (line.owners.size === 0) lines.splice(lines.indexOf(line), 1);
    if (lines.length === 0) byClass.delete(candidate.requirementClass);
  }

  function put(candidate: Candidate): void {
    remove(candidate.stepId);
    byStep.set(candidate.stepId, candidate);
    const { owners } = lineOf(candidate);
    let list = owners.get(candidate.owner);
    if (!list) owners.set(candidate.owner, (list = []));
    let index = list.length;
    while (index > 0 && isBefore(candidate, list[index - 1] as Candidate)) index--;
    list.splice(index, 0, candidate);
    let session = bySession.get(candidate.sessionKey);
    if (!session) bySession.set(candidate.sessionKey, (session = new Set()));
    session.add(candidate.stepId);
  }

  function choose(input: ChooseInput): Candidate | undefined {
    const open = (candidate: Candidate) => !input.except.has(candidate.stepId);
    let top = -1;
    const heads: Candidate[] = [];
    for (const [requirement, lines] of byClass) {
      if (!input.matches(requirement)) continue;
      for (const line of lines) {
        if (line.priority < top) break;
        const lineHeads = [...line.owners.values()]
          .map((list) => list.find(open))
          .filter((one) => one !== undefined);
        if (lineHeads.length === 0) continue;
        if (line.priority > top) heads.length = 0;
        top = line.priority;
        heads.push(...lineHeads);
        break;
      }
    }
    let best: Candidate | undefined;
    let bestShare = Infinity;
    for (const head of heads) {
      const share = input.shareOf(head.owner);
      if (!best || share < bestShare || (share === bestShare && isBefore(head, best))) {
        best = head;
        bestShare = share;
      }
    }
    const warm = warmCandidate(input, top, open);
    if (
      warm &&
      (input.monotonicMs - (input.warm?.since ?? 0) < warmMs || input.shareOf(warm.owner) <= bestShare)
    )
      return warm;
    return best;
  }

  function warmCandidate(
    input: ChooseInput,
    top: number,
    open: (candidate: Candidate) => boolean,
  ): Candidate | undefined {
    if (!input.warm) return undefined;
    for (const stepId of bySession.get(input.warm.sessionKey) ?? []) {
      const candidate = byStep.get(stepId) as Candidate;
      if (candidate.priority === top && open(candidate) && input.matches(candidate.requirementClass))
        return candidate;
    }
    return undefined;
  }

  return {
    put,
    remove,
    choose,
    get: (stepId) => byStep.get(stepId),
    get size() {
      return byStep.size;
    },
    steps: () => byStep.keys(),
    clear() {
      byStep.clear();
      byClass.clear();
      bySession.clear();
    },
  };
}

function isBefore(a: Candidate, b: Candidate): boolean {
  return a.jobId - b.jobId < 0 || (a.jobId === b.jobId && a.stepId < b.stepId);
}
