// The broker itself: is it well, which version, where its data lies, what its storage holds, how long it keeps things.
import type { ComponentChildren } from "preact";
import type { Answer } from "../../contract/client.ts";
import { stateOf, useLive } from "../live.ts";
import { bytesText } from "../log/words.ts";
import { useMe } from "../me.ts";
import { useStore } from "../store.ts";
import { StateMark } from "../ui/chip.tsx";
import { Nothing, Trouble } from "../ui/nothing.tsx";
import { Moment } from "../ui/time.tsx";
import { useLoad } from "./use-load.ts";

type System = Answer<"getSystem">;
type Cleaned = Answer<"clean">;

/** The whole view. */
export function SystemView() {
  const { api, live } = useStore();
  const me = useMe();
  useLive(live, 1000);
  const isLive = stateOf(live) === "live";
  // Sizes change slowly: they are asked for anew each minute.
  const minute = Math.floor(Date.now() / 60_000);
  const system = useLoad((signal) => api.getSystem(signal), "", String(minute));
  const mayClean = me.may("clean");
  const cleanable = useLoad<Cleaned | null>(
    async (signal) =>
      mayClean
        ? api.call<Cleaned>("post", "/v1/system/clean", { body: { dryRun: true, strays: false }, signal })
        : null,
    String(mayClean),
  );
  return (
    <div class="system">
      <header class="view-head">
        <h1>System</h1>
      </header>
      {system.value === undefined ? (
        system.error === null ? (
          <Nothing title="Asking the broker" isLoading />
        ) : (
          <Trouble error={system.error} onAgain={system.again} />
        )
      ) : (
        <SystemFacts system={system.value} cleanable={cleanable.value ?? null} isLive={isLive} />
      )}
    </div>
  );
}

interface SystemFactsProps {
  system: System;
  /** What cleaning would remove; null: not known, or not for this person to know. */
  cleanable: Cleaned | null;
  /** The feed brings news at this moment. */
  isLive: boolean;
}

/** Room that is left below this is worth a word, bytes. */
const littleRoom = 5_000_000_000;
/** Below this frames will soon fail to be stored. */
const noRoom = 500_000_000;

/** Cards of facts. */
function SystemFacts({ system, cleanable, isLive }: SystemFactsProps) {
  const { version, startedAt, dataFolder, databaseBytes, schemaVersion, freeBytes, storage, retention } =
    system;
  const room = freeBytes < noRoom ? "failed" : freeBytes < littleRoom ? "warning" : "done";
  return (
    <div class="cards">
      <Card title="Health" wide>
        <ul class="health">
          <Health kind={isLive ? "done" : "failed"}>
            {isLive
              ? "The broker answers, and this page hears what happens."
              : "The broker does not answer at this moment."}
          </Health>
          <Health kind={room}>
            {bytesText(freeBytes)} free on the disk with Tally's data.
            {room === "failed" && " Frames will soon have no place: make room now."}
            {room === "warning" && " That is little: make room before a large job."}
          </Health>
          {cleanable !== null && <Cleanable cleanable={cleanable} />}
        </ul>
      </Card>
      <Card title="Tally">
        <Fact name="Version">{version}</Fact>
        <Fact name="Up since">
          <Moment at={startedAt} />
        </Fact>
        <Fact name="Templates">{system.templates}</Fact>
      </Card>
      <Card title="Database">
        <Fact name="Size">{bytesText(databaseBytes)}</Fact>
        <Fact name="Schema">version {schemaVersion}</Fact>
        <Fact name="Data folder">
          <code>{dataFolder}</code>
        </Fact>
      </Card>
      <Card title="Storage">
        <Fact name="Kept in">{storage.kind === "s3" ? "an S3 bucket" : "a folder"}</Fact>
        {storage.folder !== null && (
          <Fact name="Folder">
            <code>{storage.folder}</code>
          </Fact>
        )}
        <Fact name="Files">
          {storage.blobs.toLocaleString("en")} · {bytesText(storage.bytes)}
        </Fact>
      </Card>
      <Card title="How long things are kept">
        <Fact name="Results that are home">{daysWords(retention.deliveredDays, "")}</Fact>
        <Fact name="Input files, previews">{daysWords(retention.inputDays, " after the job's end")}</Fact>
        <Fact name="Results not home yet">until they are</Fact>
      </Card>
      <Card title="Shared folders">
        {system.sharedRoots.length === 0 ? (
          <p class="muted">
            None. Name them under sharedRoots in tally.yaml, so that files there are never sent.
          </p>
        ) : (
          system.sharedRoots.map((root) => (
            <Fact key={root.name} name={root.name}>
              {[root.linux, root.macos, root.windows]
                .filter((path) => path !== undefined)
                .map((path) => (
                  <code key={path}>{path}</code>
                ))}
            </Fact>
          ))
        )}
      </Card>
    </div>
  );
}

function Cleanable({ cleanable }: { cleanable: Cleaned }) {
  const parts = [cleanable.results, cleanable.previews, cleanable.inputs, cleanable.orphans];
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  const files = parts.reduce((sum, part) => sum + part.files, 0);
  return (
    <Health kind="done">
      {files === 0 ? (
        "Nothing is kept longer than it should be."
      ) : (
        <>
          {bytesText(bytes)} in {files.toLocaleString("en")} {files === 1 ? "file" : "files"} may go: they go
          by themselves, or now with <code>tally clean --yes</code>.
        </>
      )}
    </Health>
  );
}

function Card({
  title,
  wide = false,
  children,
}: {
  title: string;
  wide?: boolean;
  children: ComponentChildren;
}) {
  return (
    <section class={wide ? "card is-wide" : "card"}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div class="fact">
      <span class="fact-name">{name}</span>
      <span class="fact-value">{children}</span>
    </div>
  );
}

function Health({ kind, children }: { kind: "done" | "warning" | "failed"; children: ComponentChildren }) {
  return (
    <li class={`health-line is-${kind}`}>
      <StateMark mark={kind === "warning" ? "paused" : kind} />
      <span>{children}</span>
    </li>
  );
}

function daysWords(days: number | null, more: string): string {
  if (days === null) return "for ever";
  return `${days === 1 ? "1 day" : `${days} days`}${more}`;
}
