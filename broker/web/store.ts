// What all views share: the API, the feeds, addresses of pictures, and short notes at the edge of the page.
import { createContext } from "preact";
import { useContext, useEffect, useState } from "preact/hooks";
import { api, noAnswer, sentenceOf, type Api } from "./api.ts";
import { createAddresses, type Addresses } from "./flipbook/addresses.ts";
import { onLive, openLive, type Live } from "./live.ts";
import { createNotes, type Notes } from "./notes.ts";

export interface Store {
  readonly api: Api;
  /** Jobs and workers: followed as long as the page is open. */
  readonly live: Live;
  readonly addresses: Addresses;
  readonly notes: Notes;
  /** A feed of one topic more (`job:12`, `log:att_7`), shared by all who hold it. */
  hold: (topic: string) => { live: Live; release: () => void };
  /** Does what a person asked for, and says what became of it, instead of what was said `about` the same before. Resolves to whether it was done. */
  act: (what: () => Promise<unknown>, done?: string, about?: string) => Promise<boolean>;
}

/** The store of this page; connects at once. */
export function createStore(): Store {
  const notes = createNotes();
  const held = new Map<string, { live: Live; holders: number }>();
  const live = openLive(["jobs", "workers"]);
  onLive(live, () => {
    // That the broker did not answer is not true any more.
    for (const { id, text } of notes.shown) if (text === noAnswer) notes.dismiss(id);
  });
  return {
    api,
    live,
    addresses: createAddresses(api.signDownloads),
    notes,
    hold(topic) {
      const one = held.get(topic) ?? { live: openLive([topic]), holders: 0 };
      one.holders += 1;
      held.set(topic, one);
      let isHeld = true;
      return {
        live: one.live,
        release() {
          if (!isHeld) return;
          isHeld = false;
          one.holders -= 1;
          if (one.holders > 0) return;
          held.delete(topic);
          one.live.close();
        },
      };
    },
    async act(what, done, about) {
      try {
        await what();
        if (done !== undefined) notes.say(done, "done", about);
        return true;
      } catch (error) {
        notes.say(sentenceOf(error), "failed", about);
        return false;
      }
    },
  };
}

export const StoreContext = createContext<Store | null>(null);

/** The store of this page. */
export function useStore(): Store {
  const store = useContext(StoreContext);
  if (!store) throw new Error("a view stands outside of the page");
  return store;
}

/** Follows one topic more while a view is shown; null for the first moment, and for no topic. */
export function useTopic(topic: string | null): Live | null {
  const store = useStore();
  const [held, setHeld] = useState<{ topic: string; live: Live } | null>(null);
  useEffect(() => {
    if (topic === null) return undefined;
    const { live, release } = store.hold(topic);
    setHeld({ topic, live });
    return release;
  }, [store, topic]);
  return held?.topic === topic ? held.live : null;
}
