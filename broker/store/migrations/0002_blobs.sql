-- Bytes by content hash, what needs them, and results that may lie elsewhere than on this machine.

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

-- Uploads in parts that were begun; `reference` is the store's own name for one.
CREATE TABLE uploads (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  sha256 BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
  bytes INTEGER NOT NULL,
  part_bytes INTEGER NOT NULL,
  reference TEXT NOT NULL,
  used_at INTEGER NOT NULL
) STRICT;

-- Input files of a job, its manifest's own blob among them.
CREATE TABLE job_blobs (
  job_id INTEGER NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
  blob_id INTEGER NOT NULL REFERENCES blobs (id),
  PRIMARY KEY (job_id, blob_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_blobs_blob ON job_blobs (blob_id);

-- Input files are named by the manifest alone.
ALTER TABLE jobs DROP COLUMN assets;
ALTER TABLE jobs ADD COLUMN manifest TEXT;
-- When the bytes of its input files were cleaned away: it cannot be rendered again.
ALTER TABLE jobs ADD COLUMN inputs_cleaned_at INTEGER;

-- Files without a hash were reported before there were any; no version with them was ever released.
DELETE FROM artifacts WHERE sha256 IS NULL;
-- `staged` is '' for a file that was uploaded. `home`: who brings it home; `none` for what stays, such as partial results.
ALTER TABLE artifacts ADD COLUMN blob_id INTEGER REFERENCES blobs (id);
ALTER TABLE artifacts ADD COLUMN partial INTEGER NOT NULL DEFAULT 0 CHECK (partial IN (0, 1));
ALTER TABLE artifacts ADD COLUMN executable INTEGER NOT NULL DEFAULT 0 CHECK (executable IN (0, 1));
ALTER TABLE artifacts ADD COLUMN home TEXT NOT NULL DEFAULT 'broker' CHECK (home IN ('broker', 'pull', 'none'));
ALTER TABLE artifacts ADD COLUMN cleaned_at INTEGER;
CREATE INDEX artifacts_blob ON artifacts (blob_id) WHERE blob_id IS NOT NULL;
DROP INDEX artifacts_pending;
CREATE INDEX artifacts_pending ON artifacts (id)
  WHERE delivered_at IS NULL AND outside = 0 AND home = 'broker' AND cleaned_at IS NULL;
CREATE INDEX artifacts_staged ON artifacts (id) WHERE staged <> '';
