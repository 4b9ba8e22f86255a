// Where a view of a job is: the way up from it, the same in all of them.
import { jobPath, Link } from "../router.tsx";

interface CrumbsProps {
  job: number;
  /** Of the job; null until it is known, and in its own view, which has it as its title. */
  name?: string | null;
  /** What of the job is shown; none: the job itself. */
  part?: string;
}

/** `Jobs / #3 shot / Render`. */
export function Crumbs({ job, name = null, part }: CrumbsProps) {
  const said = (
    <>
      <span class="crumbs-number">#{job}</span>
      {name !== null && ` ${name}`}
    </>
  );
  return (
    <nav class="crumbs" aria-label="Where this is">
      <Link to="/">Jobs</Link>
      {part === undefined ? <span>{said}</span> : <Link to={jobPath(job)}>{said}</Link>}
      {part !== undefined && <span>{part}</span>}
    </nav>
  );
}
