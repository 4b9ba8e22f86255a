// Jobs that ended longer ago than the feed remembers: fetched when somebody asks for them.
import { useEffect, useState } from "preact/hooks";
import type { Job } from "../../contract/job.ts";
import { useStore } from "../store.ts";

/** So many jobs the feed tells at least; with fewer there are no older ones. */
const toldByFeed = 200;
const askedAtOnce = 200;

export interface OlderJobs {
  jobs: ReadonlyMap<number, Job>;
  canAsk: boolean;
  isAsking: boolean;
  ask: () => void;
}

/** Older jobs beside those that the feed `known`s; so many that it told are `forgotten` since. */
export function useOlderJobs(known: ReadonlyMap<number, Job>, forgotten: number): OlderJobs {
  const { api, act } = useStore();
  const [jobs, setJobs] = useState<ReadonlyMap<number, Job>>(new Map());
  const [after, setAfter] = useState<string | undefined | null>(undefined);
  const [isAsking, setAsking] = useState(false);
  // Those may lie before the mark: they are found from the beginning.
  useEffect(() => setAfter(undefined), [forgotten]);
  return {
    jobs,
    canAsk: after !== null && known.size >= toldByFeed,
    isAsking,
    ask() {
      setAsking(true);
      void act(async () => {
        let mark = after ?? undefined;
        const found = new Map(jobs);
        // Pages that hold only what is known already are passed over.
        for (;;) {
          // oxlint-disable-next-line no-await-in-loop -- page after page
          const page = await api.listJobs({ limit: askedAtOnce, after: mark });
          for (const job of page.items) if (!known.has(job.number)) found.set(job.number, job);
          mark = page.next ?? undefined;
          setAfter(page.next);
          if (page.next === null || found.size > jobs.size) break;
        }
        setJobs(found);
      }).then(() => setAsking(false));
    },
  };
}
