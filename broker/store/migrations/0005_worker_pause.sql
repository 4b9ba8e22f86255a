-- Workers can be paused: what was asked of one is kept beside what is true, and outlives its agent. A CHECK can only be
-- changed by making the table anew; a row a worker there ever was is copied, which takes milliseconds for thousands.
CREATE TABLE workers_next (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  pool TEXT NOT NULL,
  token_id INTEGER NOT NULL REFERENCES tokens (id),
  launch_id INTEGER REFERENCES launches (id),
  intent TEXT NOT NULL DEFAULT 'run' CHECK (intent IN ('run', 'pause', 'drain')),
  state TEXT NOT NULL CHECK (state IN ('idle', 'busy', 'pausing', 'paused', 'draining', 'stopped', 'lost')),
  os_family TEXT NOT NULL,
  agent_version TEXT NOT NULL,
  amounts TEXT NOT NULL,
  attributes TEXT NOT NULL,
  blenders TEXT NOT NULL,
  registered_at INTEGER NOT NULL,
  ended_at INTEGER,
  CHECK ((ended_at IS NOT NULL) = (state IN ('stopped', 'lost')))
) STRICT;
INSERT INTO workers_next (id, name, pool, token_id, launch_id, intent, state, os_family, agent_version, amounts, attributes,
    blenders, registered_at, ended_at)
  SELECT id, name, pool, token_id, launch_id, CASE state WHEN 'draining' THEN 'drain' ELSE 'run' END, state, os_family,
    agent_version, amounts, attributes, blenders, registered_at, ended_at FROM workers;
-- No number is given twice, also where the newest rows are gone.
DELETE FROM sqlite_sequence WHERE name = 'workers_next';
INSERT INTO sqlite_sequence (name, seq) SELECT 'workers_next', seq FROM sqlite_sequence WHERE name = 'workers';
DROP TABLE workers;
ALTER TABLE workers_next RENAME TO workers;
CREATE INDEX workers_live ON workers (pool) WHERE ended_at IS NULL;
CREATE INDEX workers_launch ON workers (launch_id) WHERE launch_id IS NOT NULL AND ended_at IS NULL;
-- Few, here or away: whoever comes under such a name is paused too.
CREATE INDEX workers_paused ON workers (pool, name) WHERE intent = 'pause';
