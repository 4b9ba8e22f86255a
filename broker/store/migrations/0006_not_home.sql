-- Files that could not be brought home are asked for whenever a job is looked at: few of the hundred thousand that it may have.
CREATE INDEX artifacts_troubled ON artifacts (job_id, id) WHERE delivered_at IS NULL AND problem IS NOT NULL;
