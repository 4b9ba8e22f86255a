// The order of work: by examples, and against a plain sort over everything.
import fc from "fast-check";
import { expect, test } from "vitest";
import { createCandidates, type Candidate, type ChooseInput } from "./candidates.ts";

const one = (stepId: number, more: Partial<Candidate> = {}): Candidate => ({
  stepId,
  jobId: stepId,
  owner: "ann",
  priority: 50,
  requirementClass: "any",
  sessionKey: `${stepId}`,
  ...more,
});
const ask = (more: Partial<ChooseInput> = {}): ChooseInput => ({
  matches: () => true,
  shareOf: () => 0,
  warm: null,
  monotonicMs: 0,
  except: new Set(),
  ...more,
});
function filled(...list: Candidate[]) {
  const candidates = createCandidates();
  for (const candidate of list) candidates.put(candidate);
  return candidates;
}
const minutes = (count: number) => count * 60_000;

test("nothing to do", () => expect(createCandidates().choose(ask())).toBeUndefined());

test("priority before all else, also before a warm session", () => {
  const candidates = filled(one(1), one(2, { priority: 90 }), one(3, { priority: 10 }));
  expect(candidates.choose(ask({ warm: { sessionKey: "1", since: 0 } }))?.stepId).toBe(2);
});

test("then the owner who had least, then who submitted first", () => {
  const candidates = filled(one(1), one(2, { owner: "bob" }), one(3, { owner: "cy" }));
  const shares: Record<string, number> = { ann: 10, bob: 5, cy: 5 };
  expect(candidates.choose(ask({ shareOf: (owner) => shares[owner] ?? 0 }))?.stepId).toBe(2);
  expect(candidates.choose(ask())?.stepId).toBe(1);
});

test("steps of one job in their order, and the order of submission is that of numbers, not of words", () => {
  const candidates = filled(one(11, { jobId: 10 }), one(10, { jobId: 10 }), one(20, { jobId: 9 }));
  expect(candidates.choose(ask())?.stepId).toBe(20);
  candidates.remove(20);
  expect(candidates.choose(ask())?.stepId).toBe(10);
});

test("a warm session keeps its worker for five minutes, and longer while its owner is at or below share", () => {
  const candidates = filled(one(1, { owner: "bob" }), one(2));
  const warm = { sessionKey: "2", since: 0 };
  const more = { shareOf: (owner: string) => (owner === "ann" ? 100 : 0), warm };
  expect(candidates.choose(ask({ ...more, monotonicMs: minutes(5) - 1 }))?.stepId).toBe(2);
  expect(candidates.choose(ask({ ...more, monotonicMs: minutes(5) }))?.stepId).toBe(1);
  expect(candidates.choose(ask({ warm, monotonicMs: minutes(60) }))?.stepId).toBe(2);
});

test("only what the worker can run, and nothing that was just found empty", () => {
  const candidates = filled(one(1, { requirementClass: "gpu" }), one(2), one(3));
  const matches = (requirement: string) => requirement === "any";
  expect(candidates.choose(ask({ matches }))?.stepId).toBe(2);
  expect(candidates.choose(ask({ matches, except: new Set([2]) }))?.stepId).toBe(3);
  expect(candidates.choose(ask({ matches, except: new Set([2, 3]) }))).toBeUndefined();
  expect(candidates.choose(ask({ except: new Set([1]), warm: { sessionKey: "1", since: 0 } }))?.stepId).toBe(
    2,
  );
});

test("put again replaces: a new priority counts, and nothing is there twice", () => {
  const candidates = filled(one(1), one(2));
  candidates.put(one(2, { priority: 80 }));
  expect([candidates.size, candidates.choose(ask())?.stepId]).toEqual([2, 2]);
  candidates.remove(2);
  candidates.remove(2);
  expect([candidates.size, candidates.choose(ask())?.stepId]).toEqual([1, 1]);
  candidates.clear();
  expect([candidates.size, candidates.choose(ask())]).toEqual([0, undefined]);
});

test("always what a plain sort over all candidates says", () => {
  const owners = ["ann", "bob", "cy"];
  const candidate = fc.record({
    stepId: fc.integer({ min: 1, max: 12 }),
    jobId: fc.integer({ min: 1, max: 4 }),
    owner: fc.constantFrom(...owners),
    priority: fc.constantFrom(10, 50, 90),
    requirementClass: fc.constantFrom("a", "b"),
    sessionKey: fc.constantFrom("x", "y"),
  });
  const change = fc.oneof(candidate, fc.integer({ min: 1, max: 12 }));
  const shares = fc.record({ ann: fc.nat(2), bob: fc.nat(2), cy: fc.nat(2) });
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 40 }),
      shares,
      fc.constantFrom("a", "b", "both"),
      (changes, share, can) => {
        const real = createCandidates();
        const plain = new Map<number, Candidate>();
        for (const what of changes) {
          if (typeof what === "number") {
            real.remove(what);
            plain.delete(what);
          } else {
            real.put(what);
            plain.set(what.stepId, what);
          }
        }
        const shareOf = (owner: string) => share[owner as "ann"];
        const matches = (requirement: string) => can === "both" || can === requirement;
        const [expected] = [...plain.values()]
          .filter((single) => matches(single.requirementClass))
          .toSorted(
            (a, b) =>
              b.priority - a.priority ||
              shareOf(a.owner) - shareOf(b.owner) ||
              a.jobId - b.jobId ||
              a.stepId - b.stepId,
          );
        expect(real.choose(ask({ matches, shareOf }))).toEqual(expected);
        expect(real.size).toBe(plain.size);
      },
    ),
    { numRuns: 500 },
  );
});
