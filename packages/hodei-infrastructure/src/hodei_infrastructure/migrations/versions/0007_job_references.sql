-- Jobs by the end of their id and by their whole name, as people refer to them. The ends are taken from the specs,
-- which are written once: moves of a job cost nothing more for them.
CREATE INDEX IF NOT EXISTS job_specs_id_end ON job_specs ((reverse(right(job_id::text, 12)) COLLATE "C"));
CREATE INDEX IF NOT EXISTS jobs_name ON jobs (name, created_at DESC, id DESC) WHERE name <> '';
