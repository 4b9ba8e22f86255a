-- Schema 6, generated from migrations/ by npm run gen. Do not change it here.

CREATE TABLE artifacts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  attempt_id INTEGER NOT NULL REFERENCES attempts (id) ON DELETE CASCADE,
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  staged TEXT NOT NULL,
  name TEXT NOT NULL,
  bytes INTEGER NOT NULL,
  sha256 TEXT,
  delivered_at INTEGER,
  outside INTEGER NOT NULL DEFAULT 0 CHECK (outside IN (0, 1)),
  problem TEXT
, blob_id INTEGER REFERENCES blobs (id), partial INTEGER NOT NULL DEFAULT 0 CHECK (partial IN (0, 1)), executable INTEGER NOT NULL DEFAULT 0 CHECK (executable IN (0, 1)), home TEXT NOT NULL DEFAULT 'broker' CHECK (home IN ('broker', 'pull', 'none')), cleaned_at INTEGER, preview_of INTEGER REFERENCES artifacts (id) ON DELETE CASCADE) STRICT;

CREATE INDEX artifacts_attempt ON artifacts (attempt_id);

CREATE INDEX artifacts_blob ON artifacts (blob_id) WHERE blob_id IS NOT NULL;

CREATE INDEX artifacts_job ON artifacts (job_id);

CREATE INDEX artifacts_pending ON artifacts (id)
  WHERE delivered_at IS NULL AND outside = 0 AND home = 'broker' AND cleaned_at IS NULL;

CREATE UNIQUE INDEX artifacts_preview ON artifacts (preview_of) WHERE preview_of IS NOT NULL;

CREATE INDEX artifacts_staged ON artifacts (id) WHERE staged <> '';

CREATE INDEX artifacts_troubled ON artifacts (job_id, id) WHERE delivered_at IS NULL AND problem IS NOT NULL;

CREATE TABLE attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  lease_id INTEGER NOT NULL REFERENCES leases (id) ON DELETE CASCADE,
  step_id INTEGER NOT NULL,
  ordinal INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('leased', 'started', 'succeeded', 'failed', 'released', 'expired', 'canceled')),
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER,
  seconds REAL,
  failure_class TEXT,
  reason TEXT,
  exit_code INTEGER,
  device TEXT,
  log_from INTEGER,
  log_to INTEGER,
  CHECK ((ended_at IS NULL) = (state IN ('leased', 'started')))
) STRICT;

CREATE INDEX attempts_lease ON attempts (lease_id);

CREATE UNIQUE INDEX attempts_open ON attempts (step_id, ordinal) WHERE ended_at IS NULL;

CREATE INDEX attempts_task ON attempts (step_id, ordinal);

CREATE TABLE blobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  bytes INTEGER NOT NULL CHECK (bytes >= 0),
  -- 0: sent in parts, and nobody has read the whole yet.
  verified INTEGER NOT NULL CHECK (verified IN (0, 1)),
  stored_at INTEGER NOT NULL,
  -- Asked for or stored last; what was asked for today is not cleaned away under a submit.
  used_at INTEGER NOT NULL,
  -- When a reader found other bytes under this name and they were removed; the row stays while a job names it.
  dropped_at INTEGER
) STRICT;

CREATE TABLE events (
  cursor INTEGER PRIMARY KEY AUTOINCREMENT,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  job_id INTEGER,
  step TEXT,
  first INTEGER,
  last INTEGER,
  state TEXT,
  data TEXT
) STRICT;

CREATE INDEX events_job ON events (job_id, cursor) WHERE job_id IS NOT NULL;

CREATE TABLE idempotency (
  token_id INTEGER NOT NULL REFERENCES tokens (id),
  key TEXT NOT NULL,
  body_hash BLOB NOT NULL,
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  created_at INTEGER NOT NULL,
  PRIMARY KEY (token_id, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE job_blobs (
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  blob_id INTEGER NOT NULL REFERENCES blobs (id),
  PRIMARY KEY (job_id, blob_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX job_blobs_blob ON job_blobs (blob_id);

CREATE TABLE jobs (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL,
  owner TEXT NOT NULL,
  priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 100),
  intent TEXT NOT NULL CHECK (intent IN ('run', 'pause', 'cancel', 'stop')),
  intent_reason TEXT,
  state TEXT NOT NULL CHECK (state IN ('loading', 'canceled', 'canceling', 'paused', 'pausing', 'running', 'queued', 'failed', 'succeeded')),
  task_count INTEGER NOT NULL,
  failed_tasks INTEGER NOT NULL DEFAULT 0 CHECK (failed_tasks >= 0),
  delivered_files INTEGER NOT NULL DEFAULT 0,
  labels TEXT NOT NULL,
  settings TEXT NOT NULL,
  parameters TEXT NOT NULL,
  template TEXT NOT NULL,
  template_name TEXT,
  environments TEXT NOT NULL,
  output_pattern TEXT,
  created_at INTEGER NOT NULL,
  started_at INTEGER,
  ended_at INTEGER, manifest TEXT, inputs_cleaned_at INTEGER, picture TEXT,
  CHECK ((ended_at IS NOT NULL) = (state IN ('canceled', 'failed', 'succeeded')))
) STRICT;

CREATE INDEX jobs_ended ON jobs (ended_at) WHERE ended_at IS NOT NULL;

CREATE INDEX jobs_live ON jobs (state) WHERE ended_at IS NULL;

CREATE INDEX jobs_output ON jobs (output_pattern) WHERE output_pattern IS NOT NULL AND ended_at IS NULL;

CREATE INDEX jobs_owner ON jobs (owner);

CREATE INDEX jobs_state ON jobs (state);

CREATE TABLE launches (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  pool TEXT NOT NULL,
  token_id INTEGER NOT NULL REFERENCES tokens (id),
  pid INTEGER,
  started_at INTEGER NOT NULL,
  ended_at INTEGER,
  reason TEXT
) STRICT;

CREATE INDEX launches_open ON launches (pool) WHERE ended_at IS NULL;

CREATE TABLE leases (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  worker_id INTEGER NOT NULL REFERENCES workers (id),
  step_id INTEGER NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
  opened_at INTEGER NOT NULL,
  closed_at INTEGER,
  last_seq INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX leases_open ON leases (worker_id) WHERE closed_at IS NULL;

CREATE INDEX leases_step ON leases (step_id);

CREATE TABLE meta (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE migrations (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE step_dependencies (
  step_id INTEGER NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
  depends_on INTEGER NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
  PRIMARY KEY (step_id, depends_on)
) STRICT, WITHOUT ROWID;

CREATE INDEX step_dependents ON step_dependencies (depends_on);

CREATE TABLE steps (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  idx INTEGER NOT NULL,
  name TEXT NOT NULL,
  task_count INTEGER NOT NULL,
  chunking TEXT NOT NULL CHECK (chunking IN ('none', 'fixed', 'adaptive')),
  requirements TEXT NOT NULL,
  session_key TEXT NOT NULL,
  blocked INTEGER NOT NULL DEFAULT 0 CHECK (blocked >= 0),
  ready INTEGER NOT NULL DEFAULT 0 CHECK (ready >= 0),
  running INTEGER NOT NULL DEFAULT 0 CHECK (running >= 0),
  succeeded INTEGER NOT NULL DEFAULT 0 CHECK (succeeded >= 0),
  failed INTEGER NOT NULL DEFAULT 0 CHECK (failed >= 0),
  canceled INTEGER NOT NULL DEFAULT 0 CHECK (canceled >= 0),
  measured_count INTEGER NOT NULL DEFAULT 0,
  measured_seconds REAL NOT NULL DEFAULT 0,
  UNIQUE (job_id, idx),
  UNIQUE (job_id, name)
) STRICT;

CREATE TABLE tasks (
  step_id INTEGER NOT NULL REFERENCES steps (id) ON DELETE CASCADE,
  ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
  rank INTEGER NOT NULL,
  chunk INTEGER,
  state TEXT NOT NULL CHECK (state IN ('blocked', 'ready', 'running', 'succeeded', 'failed', 'canceled')),
  generation INTEGER NOT NULL DEFAULT 1,
  failures INTEGER NOT NULL DEFAULT 0,
  losses INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (step_id, ordinal)
) STRICT, WITHOUT ROWID;

CREATE INDEX tasks_chunk ON tasks (step_id, chunk) WHERE chunk IS NOT NULL;

CREATE INDEX tasks_ready ON tasks (step_id, rank) WHERE state = 'ready';

CREATE TABLE tokens (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),
  role TEXT NOT NULL CHECK (role IN ('admin', 'artist', 'viewer', 'worker')),
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) STRICT;

CREATE TABLE uploads (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  bytes INTEGER NOT NULL,
  part_bytes INTEGER NOT NULL,
  reference TEXT NOT NULL,
  used_at INTEGER NOT NULL
) STRICT;

CREATE TABLE "workers" (
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

CREATE INDEX workers_launch ON workers (launch_id) WHERE launch_id IS NOT NULL AND ended_at IS NULL;

CREATE INDEX workers_live ON workers (pool) WHERE ended_at IS NULL;

CREATE INDEX workers_paused ON workers (pool, name) WHERE intent = 'pause';
