// Which view belongs to which address.
import { useMe } from "./me.ts";
import { Link, type Route } from "./router.tsx";
import { JobView } from "./views/job.tsx";
import { JobsView } from "./views/jobs.tsx";
import { FrameView } from "./views/frame.tsx";
import { PlayView } from "./views/play.tsx";
import { SubmitView } from "./views/submit.tsx";
import { SystemView } from "./views/system.tsx";
import { WorkersView } from "./views/workers.tsx";
import { Nothing } from "./ui/nothing.tsx";

/** Submitting, for those who may; for others what this page is. */
function SubmitPlace() {
  const me = useMe();
  if (me.may("submitJob")) return <SubmitView />;
  if (me.role === null) return <Nothing title="Asking the broker" isLoading />;
  return (
    <Nothing title="This page is for looking only">
      <p>Your token shows everything and changes nothing. To submit jobs, ask for an artist's token.</p>
      <Link to="/" class="button">
        All jobs
      </Link>
    </Nothing>
  );
}

/** The view of an address. */
export function View({ route }: { route: Route }) {
  switch (route.view) {
    case "jobs":
      return <JobsView />;
    case "job":
      return <JobView key={route.job} number={route.job} />;
    case "frame":
      return <FrameView {...route} />;
    case "play":
      return <PlayView key={route.job} job={route.job} />;
    case "workers":
      return <WorkersView />;
    case "system":
      return <SystemView />;
    case "submit":
      return <SubmitPlace />;
    case "unknown":
      return (
        <Nothing title="There is nothing at this address">
          <p>
            Go to{" "}
            <Link to="/" class="link">
              the jobs
            </Link>
            .
          </p>
        </Nothing>
      );
  }
}
