-- Durations and counts by minute, later by five minutes and by hour: one row for each bucket of a histogram, so
-- that adding up is the database's work. `width_s` says how much time a row stands for. A server of the release
-- before does not look here.
CREATE TABLE metrics_tallies (
    width_s integer NOT NULL,
    measure text NOT NULL,
    at timestamptz NOT NULL,
    provider text NOT NULL,
    state text NOT NULL,
    bucket smallint NOT NULL,
    count bigint NOT NULL,
    total double precision NOT NULL,
    CONSTRAINT metrics_tallies_pkey PRIMARY KEY (width_s, measure, at, provider, state, bucket),
    CONSTRAINT metrics_tallies_numbers CHECK (width_s >= 1 AND bucket >= 0 AND count >= 0 AND total >= 0)
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE INDEX metrics_tallies_age ON metrics_tallies (width_s, at);

-- What attempts used, as their workers told (width_s 0), later means of a minute and of ten minutes. A worker
-- that tells of its machine and holds no job has the job 0.
CREATE TABLE metrics_usage (
    worker_id uuid NOT NULL,
    at timestamptz NOT NULL,
    job_id uuid NOT NULL,
    attempt integer NOT NULL,
    width_s integer NOT NULL,
    samples integer NOT NULL,
    cpu_cores double precision NOT NULL,
    cpu_cores_max double precision NOT NULL,
    memory_bytes bigint NOT NULL,
    memory_bytes_max bigint NOT NULL,
    disk_read_bytes bigint NOT NULL,
    disk_written_bytes bigint NOT NULL,
    network_received_bytes bigint NOT NULL,
    network_sent_bytes bigint NOT NULL,
    CONSTRAINT metrics_usage_pkey PRIMARY KEY (worker_id, at, job_id, attempt, width_s),
    CONSTRAINT metrics_usage_numbers CHECK (width_s >= 0 AND samples >= 1 AND attempt >= 0)
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

CREATE INDEX metrics_usage_job ON metrics_usage (job_id, attempt, at);
CREATE INDEX metrics_usage_age ON metrics_usage (width_s, at);
