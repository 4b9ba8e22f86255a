-- A small picture of a result file is an artifact of its own, of the same try: `preview_of` names the file that it shows.
ALTER TABLE artifacts ADD COLUMN preview_of INTEGER REFERENCES artifacts (id) ON DELETE CASCADE;
CREATE UNIQUE INDEX artifacts_preview ON artifacts (preview_of) WHERE preview_of IS NOT NULL;
