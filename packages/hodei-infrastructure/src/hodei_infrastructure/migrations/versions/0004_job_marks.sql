-- What jobs are found by besides their own columns: a row for each label and tag. Servers of the release before write
-- none, and their jobs are found by everything else.
CREATE TABLE IF NOT EXISTS job_marks (
    mark uuid NOT NULL,
    created_at timestamptz NOT NULL,
    job_id uuid NOT NULL,
    CONSTRAINT job_marks_pkey PRIMARY KEY (mark, created_at, job_id),
    CONSTRAINT job_marks_job FOREIGN KEY (job_id) REFERENCES jobs (id) ON DELETE CASCADE
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

INSERT INTO job_marks (mark, created_at, job_id)
SELECT md5('label:' || length(l.key) || ':' || l.key || '=' || l.value)::uuid, j.created_at, j.id
FROM jobs j JOIN job_specs s ON s.job_id = j.id, json_each_text(s.spec->'labels') AS l
ON CONFLICT DO NOTHING;

INSERT INTO job_marks (mark, created_at, job_id)
SELECT md5('tag:' || t.tag)::uuid, j.created_at, j.id
FROM jobs j JOIN job_specs s ON s.job_id = j.id, json_array_elements_text(s.spec->'tags') AS t (tag)
ON CONFLICT DO NOTHING;
