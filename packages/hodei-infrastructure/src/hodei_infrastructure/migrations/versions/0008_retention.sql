-- Retention counts from the end of jobs: what is kept of them is found by that.
CREATE INDEX IF NOT EXISTS jobs_completed ON jobs (completed_at, id) WHERE completed_at IS NOT NULL;
CREATE INDEX IF NOT EXISTS workers_ended ON workers (ended_at) WHERE ended_at IS NOT NULL;
-- A job that is deleted takes its marks along, and would look for them through the whole table.
CREATE INDEX IF NOT EXISTS job_marks_of_job ON job_marks (job_id);

-- Bytes of output that are kept of each job that is over. Written by the leader, in batches, after the end.
CREATE TABLE IF NOT EXISTS job_outputs (
    job_id uuid NOT NULL,
    completed_at timestamptz NOT NULL,
    nbytes bigint NOT NULL,
    CONSTRAINT job_outputs_pkey PRIMARY KEY (job_id)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE INDEX IF NOT EXISTS job_outputs_ended ON job_outputs (completed_at, job_id);

-- A chunk that is `removed` stands for all output of its attempt before it. To a server of the release before it is
-- output that was lost.
ALTER TABLE job_log_chunks ADD COLUMN IF NOT EXISTS removed boolean NOT NULL DEFAULT false;
DROP INDEX IF EXISTS job_log_chunks_age;

INSERT INTO job_log_chunks
    (job_id, attempt, first_sequence, lines, first_offset, nbytes, base_time_us, gap_bytes, runs, data, removed)
SELECT e.job_id, e.attempt, COALESCE(kept.first_sequence, e.next_sequence) - 1, 1,
    COALESCE(kept.first_offset, e.next_offset), 0,
    COALESCE(kept.base_time_us, (extract(epoch FROM j.completed_at) * 1000000)::bigint, 0),
    greatest(COALESCE(kept.first_offset, e.next_offset), 1), ''::bytea, ''::bytea, true
FROM job_log_ends e LEFT JOIN jobs j ON j.id = e.job_id LEFT JOIN LATERAL (
    SELECT first_sequence, first_offset, base_time_us FROM job_log_chunks c
    WHERE c.job_id = e.job_id AND c.attempt = e.attempt ORDER BY first_sequence LIMIT 1
) AS kept ON true
WHERE COALESCE(kept.first_sequence, e.next_sequence) > 0
ON CONFLICT DO NOTHING;
