// Says of a job's files that they are not home, and why: else its green lights would tell half of the truth.
import { useEffect, useState } from "preact/hooks";
import type { Job } from "../../contract/job.ts";
import type { Live } from "../live.ts";
import { useStore } from "../store.ts";
import { useLoad } from "../views/use-load.ts";
import { counted } from "../words.ts";

/** Asked for no oftener while files come, ms. */
const everyMs = 2000;
/** More are not counted. */
const most = 100;

/** Nothing while every file is home or on its way. */
export function NotHomeNote({
  job: { number, counts, deliveredFiles, state },
  live,
}: {
  job: Job;
  live: Live;
}) {
  const { api } = useStore();
  const told = useTold(live);
  const { value } = useLoad(
    (signal) => api.listArtifacts(number, { troubled: true, state: "current", limit: most }, signal),
    String(number),
    `${state} ${counts.succeeded} ${deliveredFiles} ${told}`,
    everyMs,
  );
  const files = value?.items ?? [];
  const [first] = files;
  if (first === undefined) return null;
  const many = files.length < most ? counted(files.length, "file") : `${most} files or more`;
  return (
    <div class="job-why" role="note">
      <b>{`${many} ${files.length === 1 ? "is" : "are"} not home.`}</b> {first.problem}{" "}
      {files.every(({ outside }) => outside) && (
        <>
          To have them all the same: <code>tally pull {number} --to FOLDER</code>
        </>
      )}
    </div>
  );
}

/** A number that grows whenever a file could not be brought home: that may be long after the last frame is done. */
function useTold(live: Live): number {
  const [count, setCount] = useState(0);
  useEffect(
    () =>
      live.listen((messages) => {
        const events = messages.flatMap((message) => (message.type === "events" ? message.events : []));
        if (events.some(({ kind, state }) => kind === "artifact.delivered" && state === "failed"))
          setCount((n) => n + 1);
      }),
    [live],
  );
  return count;
}
