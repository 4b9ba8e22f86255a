// Why a job waits, held against what the pools would do: in every small studio a pause that is in the way is named.
import { expect, test } from "vitest";
import { planCapacity } from "./capacity.ts";
import { whyPaused, type PausableWorker } from "./why-paused.ts";

/** Two pools, what is in them, and what the broker's machine could render. */
interface Studio {
  slots: number;
  localFits: boolean;
  paused: readonly string[];
  workers: readonly PausableWorker[];
}

const one = (name: string, pool: string, more: Partial<PausableWorker> = {}): PausableWorker => ({
  name,
  pool,
  isHere: true,
  isPaused: false,
  hasSlot: false,
  fits: true,
  ...more,
});

/** What a job hears that may go to `accepted`. A worker of a paused pool is paused with it. */
function ask({ slots, paused, workers }: Studio, accepted: readonly string[]) {
  const pools = accepted.map((name) => ({
    name,
    isPaused: paused.includes(name),
    slots: name === "local" ? slots : 0,
  }));
  return whyPaused(
    pools,
    workers
      .map((worker) => ({
        ...worker,
        isPaused: worker.isPaused || paused.includes(worker.pool),
        fits: worker.fits && accepted.includes(worker.pool),
      }))
      .filter(({ isHere, isPaused }) => isHere || isPaused),
  );
}

/** Whether a worker takes the job. */
const goesOn = ({ paused, workers }: Studio, accepted: readonly string[]) =>
  workers.some(
    (worker) =>
      worker.isHere &&
      !worker.isPaused &&
      worker.fits &&
      accepted.includes(worker.pool) &&
      !paused.includes(worker.pool),
  );

/** The same studio once the broker has started what it starts for the job: the real rule of capacity. */
function settled(studio: Studio, accepted: readonly string[]): Studio {
  const { slots, localFits, paused, workers } = studio;
  if (goesOn(studio, accepted) || !accepted.includes("local")) return studio;
  const isPaused = paused.includes("local");
  const own = workers.filter(({ hasSlot }) => hasSlot);
  const running = own.filter((worker) => !worker.isPaused);
  const kept = own.filter((worker) => worker.isPaused);
  const action = planCapacity({
    // One that is here and takes nothing shows that the next one would not either.
    demand: running.length > 0 ? 0 : 1,
    launches: [
      ...running.map(({ name }) => ({ launchId: name, state: "running" as const })),
      ...kept
        .filter(({ isHere }) => isHere)
        .map(({ name }) => ({ launchId: name, state: "paused" as const })),
    ],
    away: kept.filter(({ isHere }) => !isHere).length,
    isPaused,
    limits: { slots },
    failedStarts: 0,
    lastFailureMs: 0,
    nowMs: 0,
  });
  if (action.kind === "none") return studio;
  return { ...studio, workers: [...workers, one("new", "local", { hasSlot: true, fits: localFits })] };
}

/** Nobody is in it, and nobody is started for it. */
const isEmpty = ({ slots, workers }: Studio, name: string) =>
  (name !== "local" || slots === 0) &&
  !workers.some(({ pool, isHere, hasSlot }) => pool === name && (isHere || !hasSlot));

/** Resumes pools and workers by name. One that was away is back, where the broker does not start it by itself. */
function resumed(studio: Studio, pools: readonly string[], names: readonly string[]): Studio {
  const empty = pools.filter((name) => studio.paused.includes(name) && isEmpty(studio, name));
  return {
    ...studio,
    paused: studio.paused.filter((name) => !pools.includes(name)),
    workers: [
      ...studio.workers
        .map((worker) =>
          names.includes(worker.name)
            ? { ...worker, isPaused: false, isHere: worker.isHere || !worker.hasSlot }
            : worker,
        )
        .filter(({ isHere, isPaused }) => isHere || isPaused),
      // Somebody joins it sooner or later.
      ...empty.map((name) => one(`first of ${name}`, name)),
    ],
  };
}

const states = [
  { isHere: true, isPaused: false },
  { isHere: true, isPaused: true },
  { isHere: false, isPaused: true },
];

function* studios(): Generator<Studio> {
  const yesNo = [false, true];
  const none: PausableWorker[] = [];
  const others = (name: string, pool: string) =>
    states.flatMap((state) => yesNo.map((fits) => [one(name, pool, { ...state, fits })]));
  for (const slots of [0, 1, 2])
    for (const localFits of yesNo) {
      const own = (name: string) =>
        states.map((state) => one(name, "local", { ...state, hasSlot: true, fits: localFits }));
      const owns = [
        none,
        ...own("vm").map((worker) => [worker]),
        ...own("vm").flatMap((first) => own("vm 2").map((second) => [first, second])),
      ];
      for (const paused of [[], ["local"], ["farm"], ["local", "farm"]])
        for (const started of owns)
          for (const guest of [none, ...others("guest", "local")])
            for (const far of [none, ...others("far", "farm")])
              yield { slots, localFits, paused, workers: [...started, ...guest, ...far] };
    }
}

test("in every small studio a pause in the way is told, nothing else is, and resuming what is named gets the job done", () => {
  let told = 0;
  let silent = 0;
  for (const before of studios())
    for (const accepted of [["local", "farm"], ["local"], ["farm"]]) {
      const studio = settled(before, accepted);
      const says = JSON.stringify({ studio, accepted });
      const everything = settled(
        resumed(
          studio,
          accepted,
          studio.workers.map(({ name }) => name),
        ),
        accepted,
      );
      let now = studio;
      let why = ask(now, accepted);
      if (goesOn(studio, accepted)) expect(why, says).toEqual({ pausedPools: [], pausedWorkers: [] });
      else if (why.pausedPools.length + why.pausedWorkers.length > 0) {
        told++;
        for (let round = 0; round < 3 && !goesOn(now, accepted); round++) {
          why = ask(now, accepted);
          now = settled(resumed(now, why.pausedPools, why.pausedWorkers), accepted);
        }
        // What nobody could know: only now an agent shows that the broker's own machine is not enough.
        const isShown = now.workers.some(({ name, fits }) => name === "new" && !fits);
        expect(goesOn(now, accepted) || isShown, says).toBe(true);
      } else {
        silent++;
        expect(
          accepted.some((name) => studio.paused.includes(name) && isEmpty(studio, name)),
          says,
        ).toBe(false);
        expect(goesOn(everything, accepted), says).toBe(false);
      }
    }
  expect(told).toBeGreaterThan(1000);
  expect(silent).toBeGreaterThan(1000);
});

test("a paused pool is named, not each of its workers; one that was paused by itself elsewhere is named too", () => {
  const studio: Studio = {
    slots: 1,
    localFits: true,
    paused: ["farm"],
    workers: [
      one("vm", "local", { isPaused: true, hasSlot: true }),
      one("far", "farm"),
      one("far 2", "farm", { isPaused: true }),
    ],
  };
  expect(ask(studio, ["local", "farm"])).toEqual({ pausedPools: ["farm"], pausedWorkers: ["vm"] });
  expect(ask(studio, ["farm"])).toEqual({ pausedPools: ["farm"], pausedWorkers: [] });
});

test("a name that the next agent would not get keeps its slot until it is resumed, and the job says so", () => {
  const workers = [one("vm 2", "local", { isPaused: true, isHere: false, hasSlot: true })];
  const studio: Studio = { slots: 1, localFits: true, paused: [], workers };
  expect(settled(studio, ["local"]), "nobody is started").toBe(studio);
  expect(ask(studio, ["local"])).toEqual({ pausedPools: [], pausedWorkers: ["vm 2"] });
  const after = settled(resumed(studio, [], ["vm 2"]), ["local"]);
  expect(goesOn(after, ["local"])).toBe(true);
});

test("while another agent is started in a free slot, nothing is said yet", () => {
  const workers = [one("vm", "local", { isPaused: true, hasSlot: true })];
  expect(ask({ slots: 2, localFits: true, paused: [], workers }, ["local"]).pausedWorkers).toEqual([]);
  expect(ask({ slots: 1, localFits: true, paused: [], workers }, ["local"]).pausedWorkers).toEqual(["vm"]);
});
