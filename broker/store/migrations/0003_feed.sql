-- The feed: the jobs that ended last are shown beside the live ones, without reading all there ever were.
CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;
