-- A small picture of a result file is an artifact of its own, of the same try: `preview_of` names the file that it shows.
ALTER TABLE artifacts ADD COLUMN preview_of INTEGER REFERENCES artifacts (id) ON DELETE CASCADE;
-- The hash of the newest preview of a job's main files: what a list shows of it.
ALTER TABLE jobs ADD COLUMN picture TEXT;
CREATE UNIQUE INDEX artifacts_preview ON artifacts (preview_of) WHERE preview_of IS NOT NULL;
